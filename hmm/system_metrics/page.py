"""The block that shows the latest system metrics; it fetches itself again each 30 seconds."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.lib.units import unit_for
from hmm.system_metrics.read import Latest, is_stale, latest

STEPS = ("bytes", "KB", "MB", "GB", "TB")
"""As Django's filesizeformat says them, which the other cards of the page use."""


@dataclass(frozen=True)
class Line:
    """One statistic as the block shows it."""

    name: str
    help: str
    value: str
    unit: str
    parts: tuple[str, ...]
    at: datetime
    stale: bool


@require_safe
@never_cache
def system_metrics(request: HttpRequest) -> HttpResponse:
    """The latest of each statistic, service by service."""
    now = timezone.now()
    return render(request, "hmm/_system_metrics.html", {"services": by_service(now), "now": now})


def by_service(now: datetime) -> list[tuple[str, list[Line]]]:
    """Return each service that writes statistics, with the latest of each. One query."""
    return [
        (service, [line(each, now) for each in group])
        for service, group in groupby(latest(), key=lambda each: each.statistic.service)
    ]


def line(found: Latest, now: datetime) -> Line:
    """Return how `found` is shown at `now`."""
    statistic = found.statistic
    value, unit = shown(found.value, statistic.unit)
    alone = len(found.parts) == 1 and found.parts[0][0].startswith("pid ")
    parts = tuple(
        f"{label}: {' '.join(shown(part, statistic.unit))}" for label, part in found.parts if not alone
    )
    return Line(statistic.name, statistic.help, value, unit, parts, found.at, is_stale(found, now))


def shown(value: float, unit: str) -> tuple[str, str]:
    """Return `value` and its unit for a person: bytes in the unit that suits, the rest to three digits or so."""
    if unit == "bytes":
        return _bytes(value)
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}", unit_for(value, unit)


def _bytes(value: float) -> tuple[str, str]:
    step = 0
    while abs(value) >= 1024 and step < len(STEPS) - 1:
        value, step = value / 1024, step + 1
    return f"{value:,.{0 if step == 0 else 1}f}", STEPS[step]
