"""A metric over time: of several entities, or beside the range before."""

from datetime import datetime, time
from typing import Any

from hmm.lib.buckets import buckets
from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, Stat, named_figure
from metrics.analytics.whom import Whom
from metrics.explain.figure import FigureRef, explained
from metrics.figure_words import in_words, unit_of
from metrics.query import aggregate, metrics_in_range
from metrics.templatetags.hmm_format import UNKNOWN, decimal, percent

BEFORE = "the range before"


def series(asked: Asked, here: Here) -> Report:
    """Return the figures period by period, and each entity's over the whole range."""
    told = {each.name: _figures(asked, each, asked.start, asked.end, here) for each in asked.whom}
    starts = sorted({start for figures in told.values() for start in figures})
    columns = [Column("start", "Begins", lambda moment: _said(moment, asked.period), is_number=False)]
    columns += [_column(asked, each, each.name, here) for each in asked.whom]
    rows: list[list[Any]] = [
        [start.astimezone(here.zone), *(figures.get(start) for figures in told.values())] for start in starts
    ]
    notes = []
    if asked.compare:
        earlier = {
            _place(start, asked, asked.before, here): value
            for start, value in _figures(asked, asked.whom[0], *asked.before, here).items()
        }
        columns.append(_column(asked, asked.whom[0], BEFORE, here))
        here_too = (_place(start, asked, (asked.start, asked.end), here) for start in starts)
        rows = [[*row, earlier.get(place)] for row, place in zip(rows, here_too, strict=True)]
        notes.append(
            f"The range before is of {asked.whom[0].text}; its first period is beside the first of this one."
        )
    return Report(
        named_figure(asked.metric_type, asked.key, here),
        columns,
        rows,
        stats=[stat for each in asked.whom for stat in _stats(asked, each, here)],
        notes=notes,
        is_drawn_by_script=True,
    )


def chart_json(asked: Asked, report: Report, here: Here) -> dict[str, Any]:
    """Return the report's rows as static/hmm/chart.js draws them."""
    unit = unit_of(asked.metric_type, asked.key, here.currency)
    lines = [[row[place] for row in report.rows] for place in range(1, len(report.columns))]
    return {
        "zone": here.zone.key,
        "t": [int(row[0].timestamp()) for row in report.rows],
        "series": [
            {
                "label": column.title,
                "unit": unit.text,
                "digits": unit.digits,
                "values": [None if value is None else value * unit.factor for value in line],
            }
            for column, line in zip(report.columns[1:], lines, strict=True)
        ],
        "marks": [],
    }


Place = tuple[int, time, int]
"""How many days, or weeks or months, into its range a period begins, at what time of day, and which of two alike."""


def _place(start: datetime, asked: Asked, ends: tuple[datetime, datetime], here: Here) -> Place:
    """Return where in its range a period begins, by which that of another range is found whatever either lacks."""
    if asked.period in ("weekly", "monthly"):
        begin = [bucket.start for bucket in buckets(asked.period, *ends, here.zone, 0)]
        return sum(ends[0] <= other < start for other in begin), time(), 0
    local = start.astimezone(here.zone)
    return (local.date() - ends[0].astimezone(here.zone).date()).days, local.time(), local.fold


def _figures(
    asked: Asked, whom: Whom, start: datetime, end: datetime, here: Here
) -> dict[datetime, float | None]:
    key = asked.key_of(whom.entity_type, here.currency)
    rows = metrics_in_range(
        metric_type=asked.metric_type,
        period=asked.period,
        start=start,
        end=end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    return {row.timestamp: row.value_json[key] for row in rows}


def _column(asked: Asked, whom: Whom, title: str, here: Here) -> Column:
    key = asked.key_of(whom.entity_type, here.currency)
    return Column(title, title, lambda value: in_words(asked.metric_type, key, value, here.currency))


def _stats(asked: Asked, whom: Whom, here: Here) -> list[Stat]:
    now = _whole(asked, whom, asked.start, asked.end, here)
    key = asked.key_of(whom.entity_type, here.currency)
    ref = FigureRef(
        asked.metric_type, key, whom.entity_type, whom.entity_id, asked.period, asked.start, asked.end
    )
    text = explained(in_words(asked.metric_type, key, now.get(key), here.currency), ref)
    notes = [f"{_measured(now)}over the whole range"]
    if asked.compare and whom is asked.whom[0]:
        before = _whole(asked, whom, *asked.before, here)
        said = in_words(asked.metric_type, key, before.get(key), here.currency)
        change = change_words(change_percent(now.get(key), before.get(key)))
        notes += [f"before: {said}", change, *asked.not_over(here.now)]
        if before:
            notes.append(f"{_measured(before)}in the range before")
    return [Stat(whom.name, text, notes)]


def _measured(figures: dict[str, Any]) -> str:
    return f"{percent(figures['coverage'])} measured " if "coverage" in figures else ""


def _whole(asked: Asked, whom: Whom, start: datetime, end: datetime, here: Here) -> dict[str, Any]:
    """Return the figures of a range as one, none of them where nothing is known of it."""
    found = aggregate(
        metric_type=asked.metric_type,
        period=asked.period,
        start=start,
        end=end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    return found[0].value_json if found else {}


def change_percent(now: float | None, before: float | None) -> float | None:
    """Return by how many per cent a figure has changed; null where that means nothing."""
    if now is None or before is None or before <= 0:
        return None
    return 100 * (now - before) / before


def change_words(percent: float | None) -> str:
    """Return a change with its sign: +12.5 %, −3.0 %."""
    if percent is None:
        return UNKNOWN
    return f"{'+' if round(percent, 1) > 0 else ''}{decimal(percent, 1)} %"


def _said(moment: datetime, period: str) -> str:
    day = f"{moment:%a} {moment.day} {moment:%b %Y}"
    return f"{day}, {moment:%H:%M} {moment:%Z}" if period in ("slot", "hourly") else day
