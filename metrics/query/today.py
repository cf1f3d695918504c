"""What today has cost so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from metrics.query.ranges import open_metrics
from metrics.types.base import MINOR


@dataclass(frozen=True, slots=True)
class EnergyToday:
    """What the store says of today so far; each figure null where it cannot be formed."""

    cost: float | None
    kwh: float | None
    priced_kwh: float | None
    average_price: float | None
    coverage: float | None


def energy_today(now: datetime, currency: str) -> EnergyToday | None:
    """Return what the system has used of the local day so far, None where there is nothing. Two queries.

    `currency` is the installation's. Raises NotComputedYet.
    """
    figures = open_metrics(["energy_cost"], period="daily", entity_type="system", now=now)
    return energy_of(figures[None]["energy_cost"].value_json, currency) if None in figures else None


def energy_of(value: Mapping[str, float | None], currency: str) -> EnergyToday:
    """Return what a `value_json` of the system's energy_cost says."""
    return EnergyToday(
        cost=value[f"total_cost_{currency.lower()}"],
        kwh=value["total_kwh"],
        priced_kwh=value["priced_kwh"],
        average_price=value[f"avg_price_{MINOR[currency]}"],
        coverage=value["coverage"],
    )
