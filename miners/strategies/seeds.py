"""The four strategies that a site starts with: made, put back, compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from miners.models import CurtailmentStrategy, Site, StrategyKind, check_weights


@dataclass(frozen=True, slots=True)
class Seed:
    """A strategy as it is seeded. `key` tells it again after a person has renamed it."""

    key: str
    name: str
    kind: StrategyKind
    weight_performance: Decimal
    weight_efficiency: Decimal
    weight_uptime: Decimal
    vip_protection: bool
    minimum_uptime: Decimal

    def settings(self) -> dict[str, Any]:
        """Return what it says, by field; its name is the user's to change."""
        return {
            "kind": self.kind.value,
            "weight_performance": self.weight_performance,
            "weight_efficiency": self.weight_efficiency,
            "weight_uptime": self.weight_uptime,
            "vip_protection": self.vip_protection,
            "minimum_uptime": self.minimum_uptime,
            "active": True,
        }


def _seed(kind: StrategyKind, weights: tuple[str, str, str], minimum_uptime: str, vip: bool = False) -> Seed:
    performance, efficiency, uptime = map(Decimal, weights)
    name = kind.label.capitalize()
    return Seed(
        kind.value, name, kind, performance, efficiency, uptime, vip, minimum_uptime=Decimal(minimum_uptime)
    )


SEEDS = (
    _seed(StrategyKind.PERFORMANCE_PRIORITY, ("0.70", "0.20", "0.10"), "0.80"),
    _seed(StrategyKind.CUSTOMER_PRIORITY, ("0.40", "0.20", "0.40"), "0.85", vip=True),
    _seed(StrategyKind.FAIR_DISTRIBUTION, ("0.33", "0.33", "0.34"), "0.75"),
    _seed(StrategyKind.CUSTOM, ("0.50", "0.30", "0.20"), "0.80"),
)


class SeedingRefused(ValueError):
    """The strategies cannot be seeded, and why."""


class Outcome(StrEnum):
    """What seeding did with a strategy."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    KEPT = "kept as edited"
    REPLACED = "put back"


@dataclass(frozen=True, slots=True)
class Seeded:
    """A seed, the strategy stored for it (None where there is none), what was done, and what differs."""

    seed: Seed
    strategy: CurtailmentStrategy | None
    outcome: Outcome | None
    differences: list[str]


def seed_strategies(site: Site, *, force: bool, seeds: Sequence[Seed] = SEEDS) -> list[Seeded]:
    """Make what is missing of the four at `site`; what a person has edited is put back only with `force`.

    All or nothing. A strategy of the user's own is never touched. Raises SeedingRefused when one of those has the name
    of a seed, or a seed is not valid.
    """
    with transaction.atomic():
        return [_seed_one(site, found, force) for found in _found(site, seeds)]


def verify_strategies(site: Site, seeds: Sequence[Seed] = SEEDS) -> list[Seeded]:
    """Return how the four at `site` stand: what is not there, and what is not as it was seeded. One query."""
    return _found(site, seeds)


def _found(site: Site, seeds: Sequence[Seed]) -> list[Seeded]:
    stored = {strategy.seed: strategy for strategy in site.strategies.exclude(seed="")}
    return [_beside(seed, stored.get(seed.key)) for seed in seeds]


def _beside(seed: Seed, strategy: CurtailmentStrategy | None) -> Seeded:
    return Seeded(seed, strategy, None, _differences(seed, strategy) if strategy else ["is missing"])


def _differences(seed: Seed, strategy: CurtailmentStrategy) -> list[str]:
    """Return in words what is not as it was seeded; first, where they are no weights at all, that."""
    differences = []
    try:
        check_weights(*strategy.weights)
    except ValidationError as error:
        differences += error.messages
    for field, seeded in seed.settings().items():
        if (stored := getattr(strategy, field)) != seeded:
            differences.append(f"{field.replace('_', ' ')} is {stored}, seeded as {seeded}")
    return differences


def _seed_one(site: Site, found: Seeded, force: bool) -> Seeded:
    seed, strategy = found.seed, found.strategy
    if strategy is None:
        made = _written(CurtailmentStrategy(site=site, name=seed.name, seed=seed.key), seed)
        return Seeded(seed, made, Outcome.CREATED, [])
    if not found.differences:
        return Seeded(seed, strategy, Outcome.UNCHANGED, [])
    if not force:
        return Seeded(seed, strategy, Outcome.KEPT, found.differences)
    return Seeded(seed, _written(strategy, seed), Outcome.REPLACED, found.differences)


def _written(strategy: CurtailmentStrategy, seed: Seed) -> CurtailmentStrategy:
    for field, value in seed.settings().items():
        setattr(strategy, field, value)
    try:
        strategy.full_clean()
    except ValidationError as error:
        raise SeedingRefused(f"{seed.name}: {' '.join(error.messages)}") from error
    strategy.save()
    return strategy
