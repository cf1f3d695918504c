"""The dashboard's blocks beside the fleet's summary, the prices and the table of miners."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.dashboard.attention import concerns
from metrics.dashboard.glance import Part
from metrics.dashboard.shown import Present, Shown
from metrics.dashboard.version import unchanged_is_304
from metrics.dashboard.vitals import TYPES as TYPES_OF_VITALS
from metrics.dashboard.vitals import vitals
from metrics.dashboard.yesterday import TYPES, against_yesterday
from metrics.query import NotComputedYet, as_stored_meanwhile
from metrics.query.merge_parts import Whom
from metrics.query.same_time import same_time_yesterday
from metrics.views.present import present as _present


@require_safe
@never_cache
@unchanged_is_304
def fleet_attention(request: HttpRequest) -> HttpResponse:
    """What needs attention, and why."""
    return render(
        request, "metrics/_fleet_attention.html", attention_context(Shown(_present(), [Part.TROUBLE]))
    )


@require_safe
@never_cache
@unchanged_is_304
def fleet_yesterday(request: HttpRequest) -> HttpResponse:
    """Today against yesterday by the same time."""
    return render(request, "metrics/_fleet_yesterday.html", yesterday_context(_present()))


@require_safe
@never_cache
@unchanged_is_304
def fleet_vitals(request: HttpRequest) -> HttpResponse:
    """Uptime, rejects and temperature of the fleet."""
    shown = Shown(_present(), [Part.HOURS], TYPES_OF_VITALS)
    return render(request, "metrics/_fleet_vitals.html", vitals_context(shown))


def attention_context(shown: Shown) -> dict[str, Any]:
    """Return what the template of `fleet_attention` is given."""
    return {"concerns": concerns(shown)}


def yesterday_context(at: Present) -> dict[str, Any]:
    """Return what the template of `fleet_yesterday` is given."""
    try:
        with as_stored_meanwhile() as meanwhile:
            found = same_time_yesterday(TYPES, Whom("system"), at.now)
    except NotComputedYet as error:
        return {"not_computed": str(error)}
    days = against_yesterday(found, at.zone, at.currency) if found else None
    return {"days": days, "being_computed": meanwhile.words}


def vitals_context(shown: Shown) -> dict[str, Any]:
    """Return what the template of `fleet_vitals` is given."""
    return {"vitals": vitals(shown)}
