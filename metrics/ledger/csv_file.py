"""The ledger as a table for spreadsheets: the same lines, with the figures unrounded."""

from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from metrics.exports.base import local_iso
from metrics.ledger.lines import LedgerLine
from metrics.types.base import MINOR


def header(currency: str) -> list[str]:
    """Return the columns, with the units that the metrics' keys have."""
    money = currency.lower()
    return [
        "start",
        "end",
        "miner",
        "kwh",
        f"price_{MINOR[currency]}_per_kwh",
        f"cost_{money}",
        f"expected_revenue_{money}",
        f"expected_profit_{money}",
        "coverage",
        "is_open",
    ]


def rows(lines: Iterable[LedgerLine], zone: ZoneInfo) -> Iterator[list[Any]]:
    """Yield a row for each line; times are local and carry their offset."""
    for line in lines:
        has = line.amounts
        ends = [local_iso(moment, zone) for moment in (line.start, line.end)]
        figures = [has.kwh, has.price, has.cost, has.earned, has.profit, has.coverage]
        yield [*ends, line.name, *figures, "yes" if line.is_open else ""]
