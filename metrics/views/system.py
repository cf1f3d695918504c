"""How HMM itself is: a page of blocks, each of which is fetched again by itself."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.system.base import blocks, in_order


@require_safe
@never_cache
def system(request: HttpRequest) -> HttpResponse:
    """The page, with every block already filled."""
    now = timezone.now()
    shown = [(block, block.context(now)) for block in in_order()]
    return render(request, "metrics/system.html", {"now": now, "blocks": shown})


@require_safe
@never_cache
def system_block(request: HttpRequest, name: str) -> HttpResponse:
    """One block of it."""
    if name not in blocks:
        raise Http404
    now, block = timezone.now(), blocks[name]
    context = {"now": now, "block": block, "context": block.context(now)}
    return render(request, "metrics/_system_block.html", context)
