"""A calendar: each day of the range as a field, a line for each day of the week."""

from datetime import date, datetime, timedelta

from django.utils.safestring import SafeString

from hmm.lib.svg import Tick
from hmm.lib.svg_heat import STEPS, Cell, HeatRow, heat_class, heat_map
from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, figure_column, named_figure
from metrics.figure_words import in_words
from metrics.query import metrics_in_range

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_TICKS = 6


def calendar(asked: Asked, here: Here) -> Report:
    """Return the days of the first entity."""
    whom = asked.whom[0]
    key = asked.key_of(whom.entity_type, here.currency)
    rows = metrics_in_range(
        metric_type=asked.metric_type,
        period="daily",
        start=asked.start,
        end=asked.end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    days: dict[date, float | None] = {
        row.timestamp.astimezone(here.zone).date(): row.value_json[key] for row in rows
    }
    told = [value for value in days.values() if value is not None]
    title = f"{named_figure(asked.metric_type, key, here)}, {whom.name}"
    return Report(
        title,
        [
            Column("day", "Day", _said, is_number=False),
            figure_column(key, named_figure(asked.metric_type, key, here), asked.metric_type, key, here),
        ],
        [[day, value] for day, value in days.items()],
        chart=_map(asked, days, told, key, title, here) if told else None,
        legend=_legend(asked, told, key, here) if told else (),
        notes=[f"{asked.days - len(told)} of {asked.days} days have no figure."]
        if len(told) < asked.days
        else [],
    )


def weeks(first: date, last: date) -> list[date]:
    """Return the Mondays of the weeks that hold a day from `first` to `last`."""
    monday = first - timedelta(days=first.weekday())
    return [monday + timedelta(days=7 * n) for n in range((last - monday).days // 7 + 1)]


def _map(
    asked: Asked, days: dict[date, float | None], told: list[float], key: str, title: str, here: Here
) -> SafeString:
    mondays = weeks(asked.first, asked.last)
    low, high = min(told), max(told)

    def cell(day: date) -> Cell | None:
        value = days.get(day)
        if value is None:
            return None
        words = in_words(asked.metric_type, key, value, here.currency)
        return Cell(heat_class(value, low, high), f"{_said(day)}: {words}")

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
        lines, ticks, label=f"{title}: {len(told)} days. The same figures are in the table below."
    )


def _legend(asked: Asked, told: list[float], key: str, here: Here) -> list[tuple[str, str]]:
    ends = {0: min(told), STEPS - 1: max(told)}
    return [
        (f"heat-{step}", in_words(asked.metric_type, key, value, here.currency))
        for step, value in ends.items()
    ]


def _said(day: date | datetime) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
