"""A line of the ledger, made of what the store says of a slot. Nothing is computed here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.buckets import Bucket
from metrics.query import MetricRow
from metrics.query.by_name import SlotOfMiner
from metrics.types.base import MINOR


@dataclass(frozen=True, slots=True)
class Amounts:
    """Energy in kWh, its price in hundredths a kWh, cost, expected earnings and their profit; 0 to 1 covered.

    Money is in the installation's currency. What cannot be formed is null; so is all of it where nothing was measured.
    """

    kwh: float | None = None
    price: float | None = None
    cost: float | None = None
    earned: float | None = None
    profit: float | None = None
    coverage: float | None = None


NOTHING = Amounts()


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What one miner, or all together (`miner_id` null), did in the slot [start, end)."""

    start: datetime
    end: datetime
    miner_id: int | None
    name: str
    amounts: Amounts
    is_open: bool

    @property
    def is_missing(self) -> bool:
        """Whether the store has nothing of it."""
        return self.amounts is NOTHING


def keys_of(currency: str, *, of_one_miner: bool) -> dict[str, tuple[str, str]]:
    """Return which metric type and key each of the amounts is, in the order of the columns."""
    money, whole = currency.lower(), "" if of_one_miner else "total_"
    return {
        "kwh": ("energy_cost", f"{whole}kwh"),
        "price": ("energy_cost", f"avg_price_{MINOR[currency]}"),
        "cost": ("energy_cost", f"{whole}cost_{money}"),
        "earned": ("earnings", f"revenue_{money}"),
        "profit": ("earnings", f"profit_{money}"),
        "coverage": ("energy_cost", "coverage"),
    }


def amounts_of(energy: Mapping[str, Any], earnings: Mapping[str, Any], currency: str) -> Amounts:
    """Return the amounts of two `value_json`, the second empty where there is none."""
    told = {"energy_cost": energy, "earnings": earnings}
    keys = keys_of(currency, of_one_miner="kwh" in energy)
    return Amounts(**{name: told[metric_type].get(key) for name, (metric_type, key) in keys.items()})


def lines_of(
    energy: Iterable[MetricRow],
    earnings: Iterable[MetricRow],
    slots: Mapping[datetime, Bucket],
    name: str,
    currency: str,
) -> list[LedgerLine]:
    """Return a line for each row of `energy`, in its order; `name` is whose they are."""
    beside = {row.position: row.value_json for row in earnings}
    return [
        LedgerLine(
            row.timestamp,
            slots[row.timestamp].end,
            row.entity_id,
            name,
            amounts_of(row.value_json, beside.get(row.position, {}), currency),
            row.source == "live",
        )
        for row in energy
    ]


def lines_of_miners(
    rows: Iterable[SlotOfMiner], slots: Mapping[datetime, Bucket], currency: str
) -> list[LedgerLine]:
    """Return a line for each slot of each miner, in their order."""
    return [
        LedgerLine(
            row.start,
            slots[row.start].end,
            row.miner_id,
            row.miner_name,
            amounts_of(row.figures["energy_cost"], row.figures["earnings"], currency),
            row.is_open,
        )
        for row in rows
    ]


def with_gaps(
    lines: Sequence[LedgerLine], slots: Iterable[Bucket], miner_id: int | None, name: str, now: datetime
) -> list[LedgerLine]:
    """Return a line for each slot that has begun, of one miner or all together: missing where there is none."""
    found = {line.start: line for line in lines}
    return [
        found.get(slot.start)
        or LedgerLine(slot.start, slot.end, miner_id, name, NOTHING, slot.start <= now < slot.end)
        for slot in slots
        if slot.start <= now
    ]
