"""Uptime, rejects and temperature of the fleet: today so far, and hour by hour since yesterday."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from hmm.lib.svg import sparkline
from hmm.lib.times import local_midnight
from metrics.dashboard.glance import VITALS, Hour
from metrics.dashboard.shown import HOURS, Shown
from metrics.explain.figure import FigureRef, explained
from metrics.miner_page.health import rejects_tone, uptime_tone
from metrics.templatetags.hmm_format import decimal

TYPES = tuple(metric_type for metric_type, _ in VITALS)

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Vital:
    """One figure of the day so far, how good it is, and its last 24 hours."""

    label: str
    number: str
    unit: str
    tone: str
    note: str
    spark: SafeString
    ref: FigureRef
    note_ref: FigureRef | None = None

    @property
    def link(self) -> SafeString:
        """The number as a link to its explanation."""
        return explained(self.number, self.ref, in_block=True)

    @property
    def note_link(self) -> str:
        """The note, as a link to its explanation where it is a figure."""
        return explained(self.note, self.note_ref, in_block=True) if self.note_ref else self.note


def vitals(page: Shown) -> list[Vital]:
    """Return the three figures, which the page must show of the day; "–" for what nothing is known of. Two queries."""
    midnight = local_midnight(page.at.today, page.at.zone)
    return shown(page.today.system, page.glance.hours, page.at.hours_since, midnight)


def shown(
    value: Mapping[str, Mapping[str, Any]],
    hours: Sequence[Hour],
    first: datetime,
    midnight: datetime,
) -> list[Vital]:
    """Return the figures of the day that began at `midnight` and the lines of the 24 hours from `first` on."""
    uptimes, shares, degrees = (value.get(name, {}) for name in TYPES)
    uptime, rejects = uptimes.get("uptime"), shares.get("reject_rate")
    is_first_day = bool(uptime) and all(hour[0] >= midnight.timestamp() for hour in hours)
    tone, note = _of_uptime(uptime, is_first_day=is_first_day)
    return [
        Vital(
            "Uptime today",
            decimal(uptime, 1),
            "%",
            tone,
            note,
            _spark(hours, "uptime", first),
            _of_day("uptime", "uptime", midnight),
        ),
        Vital(
            "Rejects today",
            decimal(rejects, 2),
            "%",
            rejects_tone(rejects),
            _shares(shares),
            _spark(hours, "reject_rate", first),
            _of_day("reject_rate", "reject_rate", midnight),
            _of_day("reject_rate", "rejected", midnight),
        ),
        Vital(
            "Temperature today",
            decimal(degrees.get("avg"), 0),
            "°C",
            "muted",
            f"average; hottest {degrees['max']:.0f} °C"
            if degrees.get("max") is not None
            else "nobody tells one",
            _spark(hours, "temperature", first),
            _of_day("temperature", "avg", midnight),
            _of_day("temperature", "max", midnight),
        ),
    ]


def _of_uptime(uptime: float | None, *, is_first_day: bool) -> tuple[str, str]:
    """Return how good an uptime is, and of what. A house that measured nothing before today is not blamed for its morning."""
    tone = uptime_tone(uptime)
    if is_first_day and tone in ("warn", "bad"):
        return "muted", "of the whole day; nothing was measured before"
    return tone, "of the miners' time"


def _of_day(metric_type: str, key: str, midnight: datetime) -> FigureRef:
    return FigureRef(metric_type, key, "system", None, "daily", midnight)


def _shares(value: Value) -> str:
    if value.get("reject_rate") is None:
        return "no share yet"
    return f"{value['rejected']:,.0f} of {value['rejected'] + value['accepted']:,.0f} shares"


def _spark(hours: Sequence[Hour], metric_type: str, first: datetime) -> SafeString:
    column = 1 + TYPES.index(metric_type)
    line: list[float | None] = [None] * HOURS
    for hour in hours:
        place = (hour[0] - int(first.timestamp())) // 3600
        if 0 <= place < HOURS:
            line[place] = hour[column]
    known = [figure for figure in line if figure is not None]
    label = f"Last 24 hours: {min(known):.1f} to {max(known):.1f}" if known else "Last 24 hours: not measured"
    return sparkline(line, label=label, width=240, height=36)
