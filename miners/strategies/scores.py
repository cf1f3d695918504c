"""What a miner is worth keeping: three parts between 0 and 1, weighed by the strategy. The lowest is cut first."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, product
from typing import NamedTuple

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
    (values,) = _values([miner], best_j_per_th)
    factors = _factors([value is not None for value in values], weights)
    points = [
        None if value is None or factors is None else value * factor
        for value, factor in zip(values, factors or weights, strict=True)
    ]
    performance, efficiency, uptime = map(Part, values, weights, points)
    return Score(performance, efficiency, uptime, total_of(miner, weights, best_j_per_th))


def total_of(miner: MinerFigures, weights: Weights, best_j_per_th: float | None) -> float | None:
    """Return the total of a miner's score."""
    (total,) = totals_of([miner], weights, best_j_per_th)
    return total


def totals_of(
    miners: Sequence[MinerFigures], weights: Weights, best_j_per_th: float | None
) -> list[float | None]:
    """Return the total of each miner's score, all that an order needs of it.

    Column by column, and without a call for each miner, since thousands are judged while somebody waits.
    """
    factors_of = {known: _factors(known, weights) for known in product((True, False), repeat=3)}
    return [
        round(
            (performance or 0.0) * each[0] + (efficiency or 0.0) * each[1] + (uptime or 0.0) * each[2], SAME
        )
        if each
        else None
        for performance, efficiency, uptime in _values(miners, best_j_per_th)
        for each in (factors_of[performance is not None, efficiency is not None, uptime is not None],)
    ]


def best_j_per_th(miners: Iterable[MinerFigures]) -> float | None:
    """Return the least J/TH among these miners, None where none has one."""
    known = [miner.j_per_th for miner in miners if miner.j_per_th is not None]
    return min((j_per_th for j_per_th in known if j_per_th > 0), default=None)


Values = tuple[float | None, float | None, float | None]
"""Of performance, efficiency and uptime, each null where it is not known."""


def _values(miners: Sequence[MinerFigures], best: float | None) -> Iterator[Values]:
    return zip(_performances(miners), _efficiencies(miners, best), _uptimes(miners), strict=True)


def _factors(known: Sequence[bool], weights: Weights) -> tuple[float, ...] | None:
    """Return the points that each part is worth where it is whole; None where no part that counts is known."""
    total = math.fsum(compress(weights, known))
    return tuple(100 * weight / total for weight in weights) if total > 0 else None


def _performances(miners: Iterable[MinerFigures]) -> list[float | None]:
    """Return hashrate now over rated hashrate, at most 1."""
    return [
        None
        if miner.hashrate_ghs is None or miner.rated_hashrate_ghs is None or miner.rated_hashrate_ghs <= 0
        else _share(miner.hashrate_ghs / miner.rated_hashrate_ghs)
        for miner in miners
    ]


def _efficiencies(miners: Iterable[MinerFigures], best: float | None) -> list[float | None]:
    """Return the site's best J/TH over the miner's own, at most 1."""
    return [
        None
        if best is None or miner.j_per_th is None or miner.j_per_th <= 0
        else _share(best / miner.j_per_th)
        for miner in miners
    ]


def _uptimes(miners: Iterable[MinerFigures]) -> list[float | None]:
    return [None if miner.uptime is None else _share(miner.uptime) for miner in miners]


def _share(value: float) -> float:
    return 1.0 if value > 1.0 else value if value > 0.0 else 0.0
