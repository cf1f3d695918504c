"""A metric over time: of several entities, or beside the range before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from hmm.lib.buckets import buckets
from metrics.analytics.asked import Asked
from metrics.analytics.report import (
    Column,
    Here,
    Report,
    Stat,
    day_words,
    figure_column,
    named_figure,
    open_column,
)
from metrics.analytics.sides import NOTHING_TO_COMPARE, sides
from metrics.analytics.whom import Whom
from metrics.explain.figure import FigureRef, explained, hrefs_of
from metrics.figure_words import Unit, in_words, unit_of
from metrics.query import aggregate, values_in_range
from metrics.templatetags.hmm_format import SMALL_MONEY, SYMBOLS, UNKNOWN, decimal, digits_that_count, percent

BEFORE = "the range before"
OPEN_RANGE = "range so far"
WEEKS_AND_MONTHS = ("weekly", "monthly")
LEAST_DRAWN = 1e-9
"""What is less is drawn as nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """Figures by the start of their period, and the starts of those that are not over yet."""

    figures: dict[datetime, float | None]
    opened: set[datetime]


def series(asked: Asked, here: Here) -> Report:
    """Return the figures period by period, and each entity's over the whole range."""
    told = [_told(asked, each, asked.start, asked.end, here) for each in asked.whom]
    starts = sorted({start for each in told for start in each.figures})
    opened = {start for each in told for start in each.opened}
    lines = [[each.figures.get(start) for start in starts] for each in told]
    columns = [_column(asked, each, each.name, here, lambda start: start) for each in asked.whom]
    notes = [
        f"{_begins(start, asked, here)} is not over: its figures are up to now." for start in sorted(opened)
    ]
    if asked.compare:
        before = _before(asked, starts, here)
        lines.append([value for _, value in before.values()])
        columns.append(_column(asked, asked.whom[0], BEFORE, here, lambda start: before[start][0]))
        notes += _notes_on_before(asked, here)
    begins = Column("start", "Begins", lambda moment: _said(moment, asked.period), is_number=False)
    return Report(
        named_figure(asked.metric_type, asked.key, here),
        [begins, *columns, open_column()],
        [
            [start.astimezone(here.zone), *values, start in opened]
            for start, *values in zip(starts, *lines, strict=True)
        ],
        stats=[_stat(asked, each, here) for each in asked.whom],
        notes=notes,
        is_drawn_by_script=True,
    )


Beside = tuple[datetime | None, float | None]
"""When a period of the range before began, and its figure; null where there is none."""


def _before(asked: Asked, starts: Sequence[datetime], here: Here) -> dict[datetime, Beside]:
    """Return what the range before has beside each of these."""
    before = _told(asked, asked.whom[0], *asked.before, here).figures
    placed = {_place(start, asked, asked.before, here): (start, value) for start, value in before.items()}
    nothing: Beside = (None, None)
    return {s: placed.get(_place(s, asked, (asked.start, asked.end), here), nothing) for s in starts}


def chart_json(asked: Asked, report: Report, here: Here) -> dict[str, Any]:
    """Return the report's rows as static/hmm/chart.js draws them."""
    columns = report.columns[1:-1]
    lines = [[row[place] for row in report.rows] for place in range(1, len(columns) + 1)]
    unit = unit_for(asked, lines, here.currency)
    opened = next((n for n, row in enumerate(report.rows) if row[-1]), None)
    return {
        "zone": here.zone.key,
        "t": [int(row[0].timestamp()) for row in report.rows],
        "series": [
            {
                "label": column.title,
                "unit": unit.text,
                "digits": unit.digits,
                "values": [None if value is None else value * unit.factor for value in line],
                "open": None if column.name == BEFORE else opened,
            }
            for column, line in zip(columns, lines, strict=True)
        ],
        "marks": [],
    }


def unit_for(asked: Asked, lines: Sequence[Sequence[float | None]], currency: str) -> Unit:
    """Return how these figures are drawn: with as many digits as the greatest needs, little money in hundredths."""
    unit = unit_of(asked.metric_type, asked.key, currency)
    size = max((abs(value) for line in lines for value in line if value is not None), default=0.0)
    whole, hundredth = SYMBOLS[currency]
    if unit.text == whole and size < SMALL_MONEY:
        unit = Unit(hundredth, 100)
    return (
        replace(unit, digits=digits_that_count(size * unit.factor, unit.digits))
        if size > LEAST_DRAWN
        else unit
    )


Place = tuple[int, time, int]
"""How many days, or weeks or months, into its range a period begins, at what time of day, and which of two alike."""


def _place(start: datetime, asked: Asked, ends: tuple[datetime, datetime], here: Here) -> Place:
    """Return where in its range a period begins, by which that of another range is found whatever either lacks."""
    if asked.period in ("weekly", "monthly"):
        begin = [bucket.start for bucket in buckets(asked.period, *ends, here.zone, 0)]
        return sum(ends[0] <= other < start for other in begin), time(), 0
    local = start.astimezone(here.zone)
    return (local.date() - ends[0].astimezone(here.zone).date()).days, local.time(), local.fold


def _told(asked: Asked, whom: Whom, start: datetime, end: datetime, here: Here) -> Told:
    key = asked.key_of(whom.entity_type, here.currency)
    found = values_in_range(
        metric_type=asked.metric_type,
        key=key,
        period=asked.period,
        start=start,
        end=end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    return Told({each.start: each.value for each in found}, {each.start for each in found if each.is_open})


def _column(
    asked: Asked, whom: Whom, title: str, here: Here, start_of: Callable[[datetime], datetime | None]
) -> Column:
    """Return a column of its figures, of the period that begins at `start_of` the line's own."""
    key = asked.key_of(whom.entity_type, here.currency)
    ref = FigureRef(asked.metric_type, key, whom.entity_type, whom.entity_id, asked.period, asked.start)
    at = hrefs_of(ref)

    def href(row: Sequence[Any]) -> str:
        start = start_of(row[0])
        return at(start) if start else ""

    return figure_column(title, title, asked.metric_type, key, here, href)


def _stat(asked: Asked, whom: Whom, here: Here) -> Stat:
    span = (asked.start, asked.end)
    now = _whole(asked, whom, span, asked.period, here)
    key = asked.key_of(whom.entity_type, here.currency)
    ref = FigureRef(asked.metric_type, key, whom.entity_type, whom.entity_id, asked.period, *span)
    text = explained(in_words(asked.metric_type, key, now.get(key), here.currency), ref)
    notes = [*_measured(now), f"over the {OPEN_RANGE if here.now < asked.end else 'whole range'}"]
    if asked.compare and whom is asked.whom[0]:
        notes += _compared(asked, whom, key, now, here)
    return Stat(whom.name, text, notes)


def _compared(asked: Asked, whom: Whom, key: str, now: dict[str, Any], here: Here) -> Sequence[str]:
    """Return what the range before has, and the change; of one that is not over, by the same time of both."""
    both = sides(asked, here.now, asked.period)
    if both is None or (both.until and asked.period in WEEKS_AND_MONTHS):
        return []
    if both.until is not None:
        now = _whole(asked, whom, both.now, both.period, here)
    before = _whole(asked, whom, both.before, both.period, here)
    if not before:
        return ["nothing measured before"]
    said = in_words(asked.metric_type, key, before.get(key), here.currency)
    notes = [f"before: {said}", change_words(change_percent(now.get(key), before.get(key)))]
    return [*notes, *(f"{words} before" for words in _measured(before))]


def _notes_on_before(asked: Asked, here: Here) -> Iterator[str]:
    """Yield what is to be said of a comparison with the range before."""
    whose = asked.whom[0].text
    yield f"The range before is of {whose}; its first period is beside the first of this one."
    both = sides(asked, here.now, asked.period)
    if both and both.until and asked.period in WEEKS_AND_MONTHS:
        yield "This range is not over yet: the change is told once it is."
    else:
        yield from both.notes(here.zone) if both else [NOTHING_TO_COMPARE]


def _measured(figures: dict[str, Any]) -> list[str]:
    return [f"{percent(figures['coverage'])} measured"] if "coverage" in figures else []


def _whole(
    asked: Asked, whom: Whom, span: tuple[datetime, datetime], period: str, here: Here
) -> dict[str, Any]:
    """Return the figures of a range as one, none of them where nothing is known of it."""
    found = aggregate(
        metric_type=asked.metric_type,
        period=period,
        start=span[0],
        end=span[1],
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


def _begins(start: datetime, asked: Asked, here: Here) -> str:
    return _said(start.astimezone(here.zone), asked.period)


def _said(moment: datetime, period: str) -> str:
    day = day_words(moment.date())
    if period not in ("slot", "hourly"):
        return day
    return f"{day}, {moment.hour:02}:{moment.minute:02} {moment.tzname()}"
