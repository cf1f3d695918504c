"""Explain what a view of analytics forms from several figures of the store: a band, a class, a step, a change."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import quote

from metrics.analytics.asked import Asked, asked_of
from metrics.analytics.report import Column, Here, Report, day_words
from metrics.analytics.reports import REPORTS
from metrics.column_words import words_of_column
from metrics.dashboard.prices import BANDS, band_of
from metrics.explain.account import Account
from metrics.explain.figure import FigureRef, NotThere, explain_address
from metrics.explain.parts import MOST, Line, Table
from metrics.query import MetricRow, metrics_in_range
from metrics.query.words import check_word
from metrics.templatetags.hmm_format import price
from metrics.types.base import MINOR

MEANINGS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("bands", "kwh"): (
        "The energy of the slots that are over and whose price was in this band; of a site and all it is the average of "
        "what their miners paid.",
        "sum of the kWh of those slots that have a price",
    ),
    ("bands", "share"): (
        "This band's part of all energy that has a price.",
        "kWh of the band ÷ kWh of all bands",
    ),
    ("bands", "cost"): ("What the energy of these slots cost.", "sum of kWh × price, slot by slot"),
    ("distribution", "hours"): (
        "How long readings told a value from the one to below the other. Of all miners each counts by itself.",
        "sum of the seconds that those readings cover ÷ 3,600, from the sketches of each hour, which are at most 0.8 % off",
    ),
    ("distribution", "share"): (
        "This class's part of all hours.",
        "hours of the class ÷ hours of all classes",
    ),
    ("waterfall", "amount"): (
        "A step from the cost of the range before to that of this one. More energy is counted at the price before, a "
        "dearer kWh at the energy of now: the steps add up to the whole difference.",
        "more or less energy = (kWh now − kWh before) × average price before; dearer or cheaper kWh = the rest",
    ),
    ("ranking", "change"): (
        "How much this range differs from the one before, of which both figures stand beside it.",
        "100 × (this range − range before) ÷ range before",
    ),
}
"""By view and column: what it means, and its formula."""


def view_account(given: Mapping[str, str], whom: Sequence[str], here: Here) -> Account:
    """Return the explanation of the cell at `column` and `line`, the text of its row's first cell. Raises Refused, NotThere."""
    today = here.now.astimezone(here.zone).date()
    asked = asked_of(given, whom, today, here.zone, here.currency)
    known = [column for view, column in MEANINGS if view == asked.view]
    check_word("column", given.get("column", ""), known)
    report = REPORTS[asked.view](asked, here)
    place = next(n for n, c in enumerate(report.columns) if c.name.split("_")[0] == given["column"])
    line = next((n for n, row in enumerate(report.rows) if str(row[0]) == given.get("line")), None)
    if line is None:
        raise NotThere("line", f"there is no {given.get('line')!r} in this view")
    meaning, formula = MEANINGS[asked.view, given["column"]]
    slots = _slots(asked, line, here) if asked.view == "bands" else []
    return Account(
        title=f"{report.columns[place].title}: {_named(report, line)}",
        whose=report.title,
        text=report.said[line][place] + (" h" if given["column"] == "hours" else ""),
        when=" to ".join(day_words(day) for day in dict.fromkeys((asked.first, asked.last))),
        definition=meaning,
        pairs=[("Formula", formula), ("Exactly", str(report.rows[line][place])), *_records(slots)],
        tables=[*_slot_tables(slots, asked, here), _whole(report, line)],
        command="",
        url=f"{explain_address()}{asked.query}&formed=view&column={given['column']}&line={quote(given['line'])}",
    )


def _named(report: Report, line: int) -> str:
    """Return what a line is of: of a class its ends, with the unit that the heading names."""
    first, second, *_ = report.said[line]
    unit = report.columns[0].title.partition("From, ")[2]
    return f"{first} to {second} {unit}" if unit else first


def _whole(report: Report, line: int) -> Table:
    """Return all of the view, each line with the explanation of its first figure."""
    lines = [
        Line(said, "" if n == line else _url(report.columns, row))
        for n, (said, row) in enumerate(zip(report.said, report.rows, strict=True))
    ]
    return Table("The view that it is of", [column.title for column in report.columns], lines)


def _url(columns: Sequence[Column], row: Sequence[Any]) -> str:
    return next((unescape(href) for column in columns if column.href and (href := column.href(row))), "")


def _slots(asked: Asked, band: int, here: Here) -> list[MetricRow]:
    """Return the slots of the range that are over and whose price is in the band."""
    whom, key = asked.whom[0], f"avg_price_{MINOR[here.currency]}"
    found = metrics_in_range(
        metric_type="energy_cost",
        period="slot",
        start=asked.start,
        end=min(asked.end, here.now),
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    return [
        row
        for row in found
        if not row.value_json.get("partial")
        and row.value_json[key] is not None
        and band_of(round(row.value_json[key], 6)) is BANDS[band]
    ]


def _records(slots: Sequence[MetricRow]) -> Iterator[tuple[str, str]]:
    if slots:
        records = sum(row.value_json["records"] for row in slots)
        yield "Measured", f"in {len(slots):,} slots, by {records:,} readings"


def _slot_tables(slots: Sequence[MetricRow], asked: Asked, here: Here) -> Iterator[Table]:
    if not slots:
        return
    whom = asked.whom[0]
    key = "kwh" if whom.entity_type == "miner" else "total_kwh"
    say = words_of_column("energy_cost", key, here.currency, [row.value_json[key] for row in slots])
    lines = [
        Line(
            [
                _when(row.timestamp, here),
                say(row.value_json[key]),
                price(row.value_json[f"avg_price_{MINOR[here.currency]}"], here.currency),
            ],
            FigureRef("energy_cost", key, whom.entity_type, whom.entity_id, "slot", row.timestamp).url,
        )
        for row in slots[-MOST:][::-1]
    ]
    note = f"the last {MOST} of {len(slots):,}" if len(slots) > MOST else ""
    yield Table("The slots it came from, the latest first", ["Begins", "Energy", "Price"], lines, note)


def _when(start: datetime, here: Here) -> str:
    local = start.astimezone(here.zone)
    return f"{day_words(local.date())}, {local:%H:%M}"
