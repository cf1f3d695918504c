"""The dashboard and its blocks. Each block is a partial that the page fetches again by itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.dashboard import blocks, vitals
from metrics.dashboard.glance import Part
from metrics.dashboard.shown import Shown
from metrics.dashboard.table_page import table_page
from metrics.dashboard.version import unchanged_is_304
from metrics.views import fleet_blocks
from metrics.views.present import present as _present


@require_safe
@never_cache
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page, with every block already filled."""
    shown = Shown(_present(), Part, ("energy_cost", *vitals.TYPES), table_page(request.GET.dict()))
    context = {
        "now": shown.at.now,
        **fleet_blocks.yesterday_context(
            shown.at
        ),  # first: it has the store filled, and asks for the longest stretch
        "summary": blocks.fleet_summary(shown),
        "tariffs": blocks.price_bars(shown),
        "table": blocks.miner_table(shown),
        **fleet_blocks.attention_context(shown),
        **fleet_blocks.vitals_context(shown),
    }
    return render(request, "metrics/dashboard.html", context)


@require_safe
@never_cache
@unchanged_is_304
def fleet_summary(request: HttpRequest) -> HttpResponse:
    """Is it fine: one sentence and five figures."""
    shown = Shown(_present(), (Part.FLEET, Part.PRICES), ["energy_cost"])
    return render(request, "metrics/_fleet_summary.html", {"summary": blocks.fleet_summary(shown)})


@require_safe
@never_cache
@unchanged_is_304
def price_bars(request: HttpRequest) -> HttpResponse:
    """The current and the next price slots of each tariff in use."""
    shown = Shown(_present(), [Part.PRICES])
    return render(request, "metrics/_price_bars.html", {"tariffs": blocks.price_bars(shown)})


@require_safe
@never_cache
@unchanged_is_304
def miner_table(request: HttpRequest) -> HttpResponse:
    """One line per miner of the page that is asked for; the browser's address follows."""
    shown = Shown(_present(), (Part.FLEET, Part.TABLE), asked=table_page(request.GET.dict()))
    table = blocks.miner_table(shown)
    response = render(request, "metrics/_miner_table.html", {"now": shown.at.now, "table": table})
    response["HX-Replace-Url"] = reverse("metrics:dashboard") + table.asked.query
    return response
