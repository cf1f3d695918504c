"""What a miner is worth keeping: three parts between 0 and 1, weighed by the strategy. The lowest is cut first."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

from miners.models import Tier

SAME = 9
"""Decimals of a score that count: below that, two scores are the same and the tie rules decide."""


class MinerFigures(NamedTuple):
    """A miner as the ranking sees it; null where a figure is not known.

    `power_w` and `hashrate_ghs` are those of now, `rated_hashrate_ghs` what it is meant to do, `j_per_th` and
    `uptime` (0..1) those of the last 24 hours. Miners with the same `customer`, "" included, share their cuts.
    """

    miner_id: int
    name: str
    customer: str
    tier: Tier
    power_w: float | None
    hashrate_ghs: float | None
    rated_hashrate_ghs: float | None
    j_per_th: float | None
    uptime: float | None


class Weights(NamedTuple):
    """How much each part counts; together 1."""

    performance: float
    efficiency: float
    uptime: float


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score: `value` 0..1, null where it is not known; `points` of the score that come from it."""

    value: float | None
    weight: float
    points: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """A miner's score, 0..100, the sum of its parts' points; null where no part that counts is known."""

    performance: Part
    efficiency: Part
    uptime: Part
    total: float | None


def score_of(miner: MinerFigures, weights: Weights, best_j_per_th: float | None) -> Score:
    """Score a miner beside the site's best efficiency (J/TH).

    A part that is not known is left out, and the others count for it in proportion to their weights: nobody is
    cut because a figure is missing.
    """
    values = _values(miner, best_j_per_th)
    points = _points(values, weights)
    performance, efficiency, uptime = map(Part, values, weights, points)
    return Score(performance, efficiency, uptime, _total(points))


def total_of(miner: MinerFigures, weights: Weights, best_j_per_th: float | None) -> float | None:
    """Return the total that `score_of` gives, all that an order needs of it."""
    return _total(_points(_values(miner, best_j_per_th), weights))


def best_j_per_th(miners: Iterable[MinerFigures]) -> float | None:
    """Return the least J/TH among these miners, None where none has one."""
    return min((miner.j_per_th for miner in miners if _is_positive(miner.j_per_th)), default=None)


Values = tuple[float | None, float | None, float | None]
"""Of performance, efficiency and uptime, each null where it is not known."""


def _values(miner: MinerFigures, best_j_per_th: float | None) -> Values:
    return _performance(miner), _efficiency(miner, best_j_per_th), _uptime(miner)


def _points(values: Values, weights: Weights) -> Values:
    """Return what each part adds, null where it is not known, or where no part that counts is."""
    # Written out, since thousands are judged while somebody waits: a loop over three takes twice as long.
    performance, efficiency, uptime = values
    of_performance, of_efficiency, of_uptime = weights
    known = math.fsum(weights if None not in values else _known_weights(values, weights))
    if known <= 0:
        return None, None, None
    return (
        None if performance is None else 100 * performance * of_performance / known,
        None if efficiency is None else 100 * efficiency * of_efficiency / known,
        None if uptime is None else 100 * uptime * of_uptime / known,
    )


def _known_weights(values: Values, weights: Weights) -> list[float]:
    return [weight for value, weight in zip(values, weights, strict=True) if value is not None]


def _total(points: Values) -> float | None:
    found = [each for each in points if each is not None]
    return round(math.fsum(found), SAME) if found else None


def _performance(miner: MinerFigures) -> float | None:
    """Return hashrate now over rated hashrate, at most 1."""
    if miner.hashrate_ghs is None or not _is_positive(miner.rated_hashrate_ghs):
        return None
    return _share(miner.hashrate_ghs / miner.rated_hashrate_ghs)


def _efficiency(miner: MinerFigures, best: float | None) -> float | None:
    """Return the site's best J/TH over the miner's own, at most 1."""
    if not _is_positive(miner.j_per_th) or best is None:
        return None
    return _share(best / miner.j_per_th)


def _uptime(miner: MinerFigures) -> float | None:
    return None if miner.uptime is None else _share(miner.uptime)


def _share(value: float) -> float:
    return 1.0 if value > 1.0 else value if value > 0.0 else 0.0


def _is_positive(value: float | None) -> TypeGuard[float]:
    return value is not None and value > 0
