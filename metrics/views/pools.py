"""The pools: how each is doing by what is stored of it, and what it says at this moment."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.installation import installation
from metrics.pool_page import coin_table, earnings_today, pool_rows
from metrics.query import NotComputedYet, as_stored_meanwhile
from metrics.types import metric_types
from pools.coins.base import CURRENCIES
from pools.models import Pool
from pools.now import ask_now


@require_safe
@never_cache
def pools(request: HttpRequest) -> HttpResponse:
    """The page; what pools say now comes after it, since nobody should wait for them."""
    return render(request, "metrics/pools.html", _table())


@require_safe
@never_cache
def pool_table(request: HttpRequest) -> HttpResponse:
    """A line for each pool, from what is stored."""
    return render(request, "metrics/_pool_table.html", _table())


@require_safe
@never_cache
def pools_now(request: HttpRequest) -> HttpResponse:
    """What pools and the source of coin prices say now, each within seconds, mostly from the cache."""
    now, here = timezone.now(), installation()
    outside = ask_now(list(Pool.objects.filter(active=True).order_by("name")), now)
    context: dict[str, object] = {
        "now": now,
        "outside": outside,
        "coins": coin_table(outside.prices.prices),
        "currencies": CURRENCIES,
        "currency": here.currency,
    }
    try:
        context["earned"] = earnings_today(now, here.currency)
    except NotComputedYet as error:
        context["not_computed"] = str(error)
    return render(request, "metrics/_pools_now.html", context)


def _table() -> dict[str, object]:
    now = timezone.now()
    context: dict[str, object] = {"now": now, "formula": metric_types["pool_health"].description}
    try:
        with as_stored_meanwhile() as meanwhile:
            return context | {"rows": pool_rows(now), "being_computed": meanwhile.words}
    except NotComputedYet as error:
        return context | {"rows": [], "not_computed": str(error)}
