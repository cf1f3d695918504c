"""Explain this number: a panel on every page, and a page of its own without script.

A figure of the store, a price of a tariff, or what miners told at their last readings.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from hmm.installation import Installation, installation
from metrics.analytics.explained import view_account
from metrics.analytics.report import Here
from metrics.explain.account import Account
from metrics.explain.average_power import average_power_account, average_power_ref
from metrics.explain.build import explanation
from metrics.explain.figure import NotThere, figure_ref
from metrics.explain.price import price_account, price_ref
from metrics.explain.reading import reading_account, reading_ref
from metrics.prices.explained import plan_account
from metrics.query import NotComputedYet, Refused, as_stored_meanwhile
from metrics.query.words import check_word

FORMED = ("power", "cheapest", "view")
"""What pages form from several figures: an average power, the price of the cheapest hours, a cell of a view of analytics."""


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def explain(request: HttpRequest) -> HttpResponse:
    """What a figure means and came from.

    Asked with `type`, `key`, `entity_type`, `entity_id`, `period`, and `at` or `from` and `to`; or with `price`, a
    tariff's id, and a time alike; or with `reading`, a quantity, and `of`, a miner's id or all; or with `formed`, one of
    FORMED, and what that needs.
    """
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
        with as_stored_meanwhile() as meanwhile:
            context |= _explained(request.GET.dict(), request.GET.getlist("of"), now, here)
        context["being_computed"] = meanwhile.words
    except NotThere as refusal:
        return render(
            request, template, {**context, "reason": f"{refusal}."[0].upper() + f"{refusal}."[1:]}, status=404
        )
    except Refused as refusal:
        return render(request, template, {**context, "reason": f"{refusal.field}: {refusal}"}, status=422)
    except NotComputedYet as reason:
        # A panel takes no answer that is an error, and this is to be read.
        return render(request, template, {**context, "reason": str(reason)}, status=200 if in_panel else 409)
    return render(request, template, context)


def _explained(given: dict[str, str], whom: list[str], now: datetime, here: Installation) -> dict[str, Any]:
    """Return a figure of the store as `found`, anything else as `account`."""
    if "formed" in given:
        return {"account": _formed(given, whom, now, here)}
    if "price" in given:
        return {"account": price_account(price_ref(given, here.zone), now, here.zone)}
    if "reading" in given:
        return {"account": reading_account(reading_ref(given), now, here.zone)}
    return {"found": explanation(figure_ref(given, here.zone), now, here.zone, here.currency)}


def _formed(given: dict[str, str], whom: list[str], now: datetime, here: Installation) -> Account:
    check_word("formed", given["formed"], FORMED)
    if given["formed"] == "power":
        return average_power_account(average_power_ref(given, here.zone), now, here.zone, here.currency)
    if given["formed"] == "cheapest":
        return plan_account(given, now, here.zone)
    return view_account(given, whom, Here(now, here.zone, here.currency))
