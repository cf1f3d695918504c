"""The ledger as its page shows it."""

from dataclasses import dataclass
from datetime import tzinfo

from hmm.lib.local_times import clock_change, clock_span
from metrics.ledger.lines import Amounts, LedgerLine, keys_of
from metrics.ledger.read import Ledger
from metrics.templatetags.hmm_format import SYMBOLS, decimal, energy, money, percent, price

WHOLE = 0.995
"""From this coverage on, an amount is called complete."""

TITLES = ("Energy", "Average price", "Cost", "Expected earnings", "Net", "Measured")
"""What the amounts of a whole day are called."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An amount in words, the metric type and key that it is, and the heading of its column."""

    text: str
    metric_type: str
    key: str
    label: str


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line as the page shows it; `note` says why there are no figures, or that they are not all there yet."""

    line: LedgerLine
    when: str
    cells: list[Cell]
    note: str


@dataclass(frozen=True, slots=True)
class ShownLedger:
    """A page of a day: its headings, its lines, the whole day's amounts and what is to be said of it."""

    headings: list[str]
    lines: list[ShownLine]
    totals: list[Cell]
    notes: list[str]


def shown(ledger: Ledger, zone: tzinfo, currency: str) -> ShownLedger:
    """Return the page in words."""
    is_one = ledger.asked.is_of_each or ledger.miner_id is not None
    return ShownLedger(
        headings(currency),
        [_line(line, zone, currency, of_one_miner=is_one) for line in ledger.lines],
        _totals(ledger, currency),
        _notes(ledger, currency),
    )


def headings(currency: str) -> list[str]:
    """Return the headings of the amounts, with their units."""
    whole, hundredth = SYMBOLS[currency]
    return ["kWh", f"Price, {hundredth}", f"Cost, {whole}", f"Expected, {whole}", f"Net, {whole}", "Measured"]


def _line(line: LedgerLine, zone: tzinfo, currency: str, *, of_one_miner: bool) -> ShownLine:
    texts = _texts(line.amounts)
    note = "no readings" if line.is_missing else "so far" if line.is_open else ""
    return ShownLine(
        line,
        clock_span(line.start, line.end, zone),
        _cells(texts, currency, of_one_miner=of_one_miner),
        note,
    )


def _cells(texts: list[str], currency: str, *, of_one_miner: bool) -> list[Cell]:
    keys = keys_of(currency, of_one_miner=of_one_miner).values()
    return [Cell(text, *key, label) for text, key, label in zip(texts, keys, headings(currency), strict=True)]


def _texts(has: Amounts) -> list[str]:
    sums = [decimal(amount, 4) for amount in (has.cost, has.earned, has.net)]
    return [decimal(has.kwh, 4), decimal(has.price, 2), *sums, percent(has.coverage)]


def _totals(ledger: Ledger, currency: str) -> list[Cell]:
    if ledger.total is None:
        return []
    has = ledger.total.amounts
    sums = [money(amount, currency) for amount in (has.cost, has.earned, has.net)]
    texts = [energy(has.kwh), price(has.price, currency), *sums, percent(has.coverage)]
    keys = keys_of(currency, of_one_miner=ledger.miner_id is not None).values()
    return [Cell(text, *key, label) for text, key, label in zip(texts, keys, TITLES, strict=True)]


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
