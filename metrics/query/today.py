"""What today has come to so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from metrics.live import LiveAsked, live_together
from metrics.live_day import OF_SYSTEM, kept_day
from metrics.live_parts import LiveRow
from metrics.live_summed_day import summed_day
from metrics.query.prepared import open_state
from metrics.types.base import MINOR


@dataclass(frozen=True, slots=True)
class EnergyToday:
    """What the store says of today so far; each figure null where it cannot be formed."""

    cost: float | None
    kwh: float | None
    priced_kwh: float | None
    average_price: float | None
    coverage: float | None


@dataclass(frozen=True, slots=True)
class FleetToday:
    """The local day so far: the system's `value_json` by metric type, empty where there is nothing, and miners' rejects (%)."""

    system: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rejects_percent: Mapping[int | None, float | None] = field(default_factory=dict)


def fleet_today(types: Sequence[str], now: datetime, *, rejects_of: Sequence[int] = ()) -> FleetToday:
    """Return these types' figures of the system, without percentiles, and the reject rates of these miners. Two queries."""
    state = open_state("daily", now)
    if (rows := summed_day(types, rejects_of, state, now)) is not None:
        return _today(rows)
    if set(types) <= set(OF_SYSTEM) and (rows := kept_day(rejects_of, state, now)) is not None:
        return _today(rows)
    asked = [LiveAsked(types, "system")] if types else []
    asked += [LiveAsked(["reject_rate"], "miner", rejects_of)] if rejects_of else []
    rows = live_together(asked, "daily", state.cut.bucket_at("daily", now), state, now)
    return _today(rows)


def _today(rows: Sequence[LiveRow]) -> FleetToday:
    rejects = {r.entity_id: r.values["reject_rate"]["reject_rate"] for r in rows if r.entity_type == "miner"}
    return FleetToday(next((row.values for row in rows if row.entity_type == "system"), {}), rejects)


def energy_today(now: datetime, currency: str) -> EnergyToday | None:
    """Return what the system has used of the local day so far, None where there is nothing. Two queries.

    `currency` is the installation's.
    """
    return energy_of_system(fleet_today(["energy_cost"], now), currency)


def energy_of_system(today: FleetToday, currency: str) -> EnergyToday | None:
    """Return what the day's energy_cost of the system says, None where there is nothing."""
    return energy_of(today.system["energy_cost"], currency) if today.system else None


def energy_of(value: Mapping[str, float | None], currency: str) -> EnergyToday:
    """Return what a `value_json` of the system's energy_cost says."""
    return EnergyToday(
        cost=value[f"total_cost_{currency.lower()}"],
        kwh=value["total_kwh"],
        priced_kwh=value["priced_kwh"],
        average_price=value[f"avg_price_{MINOR[currency]}"],
        coverage=value["coverage"],
    )
