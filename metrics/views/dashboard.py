"""The dashboard and its blocks. Each block is a partial that the page fetches again by itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.dashboard import blocks
from metrics.dashboard.table_page import table_page
from metrics.dashboard.version import unchanged_is_304
from metrics.views import fleet_blocks
from metrics.views.present import present as _present


@require_safe
@never_cache
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page, with every block already filled."""
    at = _present()
    context = {
        "now": at.now,
        "summary": blocks.fleet_summary(at),
        "tariffs": blocks.price_bars(at),
        "table": blocks.miner_table(at, table_page(request.GET.dict())),
        **fleet_blocks.attention_context(at),
        **fleet_blocks.yesterday_context(at),
        **fleet_blocks.vitals_context(at),
    }
    return render(request, "metrics/dashboard.html", context)


@require_safe
@never_cache
@unchanged_is_304
def fleet_summary(request: HttpRequest) -> HttpResponse:
    """Is it fine: one sentence and five figures."""
    return render(request, "metrics/_fleet_summary.html", {"summary": blocks.fleet_summary(_present())})


@require_safe
@never_cache
@unchanged_is_304
def price_bars(request: HttpRequest) -> HttpResponse:
    """The current and the next price slots of each tariff in use."""
    return render(request, "metrics/_price_bars.html", {"tariffs": blocks.price_bars(_present())})


@require_safe
@never_cache
@unchanged_is_304
def miner_table(request: HttpRequest) -> HttpResponse:
    """One line per miner of the page that is asked for; the browser's address follows."""
    at, asked = _present(), table_page(request.GET.dict())
    context = {"now": at.now, "table": blocks.miner_table(at, asked)}
    response = render(request, "metrics/_miner_table.html", context)
    response["HX-Replace-Url"] = reverse("metrics:dashboard") + asked.query
    return response
