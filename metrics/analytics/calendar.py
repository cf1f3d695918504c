"""A calendar: each day of the range as a field, a line for each day of the week."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.safestring import SafeString

from hmm.lib.svg import Tick
from hmm.lib.svg_heat import STEPS, Cell, HeatRow, heat_class, heat_map
from hmm.lib.times import local_midnight
from hmm.lib.units import counted
from metrics.analytics.asked import Asked
from metrics.analytics.report import (
    OPEN,
    Column,
    Here,
    Report,
    day_words,
    figure_column,
    named_figure,
    open_column,
)
from metrics.explain.figure import FigureRef, hrefs_of
from metrics.figure_words import in_words
from metrics.query import values_in_range

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_TICKS = 5
"""So many dates have room below the map on a phone."""


def calendar(asked: Asked, here: Here) -> Report:
    """Return the days of the first entity."""
    whom = asked.whom[0]
    key = asked.key_of(whom.entity_type, here.currency)
    found = values_in_range(
        metric_type=asked.metric_type,
        key=key,
        period="daily",
        start=asked.start,
        end=asked.end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    days: dict[date, float | None] = {each.start.astimezone(here.zone).date(): each.value for each in found}
    opened = {each.start.astimezone(here.zone).date() for each in found if each.is_open}
    told = {day: value for day, value in days.items() if value is not None}
    ramp = [value for day, value in told.items() if day not in opened]
    title = f"{named_figure(asked.metric_type, key, here)}, {whom.after}"
    return Report(
        title,
        _columns(asked, key, here),
        [[day, value, day in opened] for day, value in days.items()],
        chart=_map(
            asked, _Days(told, opened, min(ramp, default=0.0), max(ramp, default=0.0)), key, title, here
        )
        if told
        else None,
        legend=_legend(asked, ramp, key, here, has_open=bool(opened & told.keys())) if told else (),
        notes=_notes(asked, told, opened),
    )


@dataclass(frozen=True, slots=True)
class _Days:
    """What is told of each day, which is not over, and the figures of the others: the ends of the colours."""

    told: dict[date, float]
    opened: set[date]
    low: float
    high: float

    def css_class(self, day: date) -> str:
        return "is-open" if day in self.opened else heat_class(self.told[day], self.low, self.high)


def _columns(asked: Asked, key: str, here: Here) -> list[Column]:
    whom = asked.whom[0]
    at = hrefs_of(FigureRef(asked.metric_type, key, whom.entity_type, whom.entity_id, "daily", asked.start))
    named = named_figure(asked.metric_type, key, here)
    return [
        Column("day", "Day", day_words, is_number=False),
        figure_column(
            key, named, asked.metric_type, key, here, lambda row: at(local_midnight(row[0], here.zone))
        ),
        open_column(),
    ]


def _notes(asked: Asked, told: Mapping[date, float], opened: Collection[date]) -> list[str]:
    notes = [
        f"{day_words(day)} is not over: its figure is up to now, and counts for no colour."
        for day in opened
        if day in told
    ]
    if len(told) < asked.days:
        notes.append(f"{asked.days - len(told)} of {asked.days} days have no figure.")
    return notes


def weeks(first: date, last: date) -> list[date]:
    """Return the Mondays of the weeks that hold a day from `first` to `last`."""
    monday = first - timedelta(days=first.weekday())
    return [monday + timedelta(days=7 * n) for n in range((last - monday).days // 7 + 1)]


def _map(asked: Asked, days: _Days, key: str, title: str, here: Here) -> SafeString:
    mondays = weeks(asked.first, asked.last)

    def cell(day: date) -> Cell | None:
        if day not in days.told:
            return None
        words = in_words(asked.metric_type, key, days.told[day], here.currency)
        so_far = f" {OPEN}" if day in days.opened else ""
        return Cell(days.css_class(day), f"{day_words(day)}: {words}{so_far}")

    lines = [
        HeatRow(name, [cell(monday + timedelta(days=n)) for monday in mondays])
        for n, name in enumerate(WEEKDAYS)
    ]
    step = -(-len(mondays) // MOST_TICKS)
    ticks = [
        Tick((n + 0.5) / len(mondays), f"{monday.day} {monday:%b}")
        for n, monday in enumerate(mondays)
        if n % step == 0
    ]
    return heat_map(
        lines,
        ticks,
        label=f"{title}: {counted(len(days.told), 'day')}. The same figures are in the table below.",
    )


def _legend(
    asked: Asked, ramp: list[float], key: str, here: Here, *, has_open: bool
) -> list[tuple[str, str]]:
    ends = {0: min(ramp), STEPS - 1: max(ramp)} if ramp else {}
    words = [
        (f"heat-{step}", in_words(asked.metric_type, key, value, here.currency))
        for step, value in ends.items()
    ]
    return [*words, ("is-open", f"{OPEN}, not over yet")] if has_open else words
