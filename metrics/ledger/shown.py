"""The ledger as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from hmm.lib.local_times import clock_change, clock_span
from metrics.column_words import MoneyUnit, money_beside, money_unit
from metrics.explain.figure import FigureRef, explained
from metrics.ledger.lines import Amounts, LedgerLine, keys_of
from metrics.ledger.read import Ledger
from metrics.templatetags.hmm_format import SYMBOLS, decimal, energy, money, percent, price

WHOLE = 0.995
"""From this coverage on, an amount is called complete."""

EARNED, ON_CARDS = "Expected earnings", "Expected"
"""The heading, and what is left of it where a line is a card on a phone."""

DIGITS = 4
"""Decimals of energy and of money in a line: a small miner's half hour costs hundredths of a penny."""

TITLES = ("Energy", "Average price", "Cost", EARNED, "Profit", "Measured")
"""What the amounts of a whole day are called."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An amount in words, the heading of its column, and which figure of the store it is."""

    text: str
    label: str
    figure: FigureRef

    @property
    def link(self) -> SafeString:
        """The amount as a link to its explanation."""
        return explained(self.text, self.figure)


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line as the page shows it; `note` says why there are no figures, or that they are not all there yet."""

    line: LedgerLine
    when: str
    cells: list[Cell]
    note: str

    @property
    def markup(self) -> SafeString:
        """The cells of the amounts; made here, since a template takes three times as long for so many."""
        return mark_safe("".join(map(_cell, self.cells)))


@dataclass(frozen=True, slots=True)
class ShownLedger:
    """A page of a day: its headings, its lines, the whole day's amounts and what is to be said of it."""

    headings: list[str]
    lines: list[ShownLine]
    totals: list[Cell]
    notes: list[str]


def shown(ledger: Ledger, zone: tzinfo, currency: str) -> ShownLedger:
    """Return the page in words."""
    unit = unit_of_lines(ledger.lines, currency)
    return ShownLedger(
        headings(currency, unit),
        [_line(line, zone, currency, unit) for line in ledger.lines],
        _totals(ledger, currency),
        _notes(ledger, currency),
    )


def unit_of_lines(lines: Sequence[LedgerLine], currency: str) -> MoneyUnit:
    """Return the unit of all amounts of money in these lines: profit is then, also to the eye, earnings less cost."""
    has = (line.amounts for line in lines)
    sums = (sum_ for a in has for sum_ in (a.cost, a.earned, a.profit))
    return money_unit(sums, currency, DIGITS, whole_from=1)


def headings(currency: str, unit: MoneyUnit) -> list[str]:
    """Return the headings of the amounts, with their units."""
    sums = [f"{title}, {unit.text}" for title in ("Cost", EARNED, "Profit")]
    return ["kWh", f"Price, {SYMBOLS[currency][1]}", *sums, "Measured"]


def _line(line: LedgerLine, zone: tzinfo, currency: str, unit: MoneyUnit) -> ShownLine:
    note = "no readings" if line.is_missing else "so far" if line.is_open else ""
    cells = _cells(
        _texts(line.amounts, unit), headings(currency, unit), currency, line.miner_id, "slot", line.start
    )
    return ShownLine(line, clock_span(line.start, line.end, zone), cells, note)


def _cells(
    texts: Sequence[str],
    labels: Sequence[str],
    currency: str,
    miner_id: int | None,
    period: str,
    start: datetime,
) -> list[Cell]:
    keys = keys_of(currency, of_one_miner=miner_id is not None).values()
    kind = "miner" if miner_id is not None else "system"
    return [
        Cell(text, label, FigureRef(metric_type, key, kind, miner_id, period, start))
        for text, label, (metric_type, key) in zip(texts, labels, keys, strict=True)
    ]


def _texts(has: Amounts, unit: MoneyUnit) -> list[str]:
    sums = [unit.number(amount) for amount in (has.cost, has.earned, has.profit)]
    return [decimal(has.kwh, DIGITS), decimal(has.price, 2), *sums, percent(has.coverage)]


def _cell(cell: Cell) -> str:
    link = f'<a class="explained" href="{escape(cell.figure.url)}">{escape(cell.text)}</a>'
    label = escape(cell.label.replace(EARNED, ON_CARDS))
    return f'<td role="cell" class="num" data-label="{label}">{link}</td>'


def _totals(ledger: Ledger, currency: str) -> list[Cell]:
    if ledger.total is None:
        return []
    has = ledger.total.amounts
    amounts = (has.cost, has.earned, has.profit)
    sums = map(money_beside(amounts, currency), amounts)
    texts = [energy(has.kwh), price(has.price, currency), *sums, percent(has.coverage)]
    return _cells(texts, TITLES, currency, ledger.miner_id, "daily", ledger.total.start)


def _notes(ledger: Ledger, currency: str) -> list[str]:
    found = []
    if words := clock_change(ledger.day):
        found.append(f"{words} and {ledger.slot_count} slots")
    total = ledger.total
    if total is None:
        return found
    if (total.amounts.coverage or 0) < WHOLE:
        found.append(
            f"{percent(total.amounts.coverage)} of the day is measured; the rest is unknown, not zero"
        )
    if total.standing_charge is not None:
        found.append(f"standing charge {money(total.standing_charge, currency)}, not in the cost")
    return found
