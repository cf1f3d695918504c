"""Explain this number: a panel on every page, and a page of its own without script."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from hmm.installation import installation
from metrics.explain.build import explanation
from metrics.explain.figure import figure_ref
from metrics.query import NotComputedYet, Refused


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def explain(request: HttpRequest) -> HttpResponse:
    """What a figure means and came from: asked with `type`, `key`, `entity_type`, `entity_id`, `period`, and `at` or `from` and `to`."""
    in_panel = bool(request.headers.get("HX-Request"))
    template = "metrics/_explanation.html" if in_panel else "metrics/explain.html"
    response = _answer(request, template, in_panel)
    if in_panel:
        response["HX-Push-Url"] = "false"  # the page below stays the one that is shared
    return response


def _answer(request: HttpRequest, template: str, in_panel: bool) -> HttpResponse:
    now, here = timezone.now(), installation()
    context: dict[str, Any] = {"now": now, "in_panel": in_panel}
    try:
        context["found"] = explanation(
            figure_ref(request.GET.dict(), here.zone), now, here.zone, here.currency
        )
    except Refused as refusal:
        return render(request, template, {**context, "reason": f"{refusal.field}: {refusal}"}, status=422)
    except NotComputedYet as reason:
        # A panel takes no answer that is an error, and this is to be read.
        return render(request, template, {**context, "reason": str(reason)}, status=200 if in_panel else 409)
    return render(request, template, context)
