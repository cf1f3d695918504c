"""Shares that fit the work done: Poisson numbers, from a pool that adapts its difficulty to the miner."""

from bisect import bisect_left
from math import floor, log2, log10, sqrt
from statistics import NormalDist

from miners.simulator.hardware import HASHES_PER_DIFFICULTY
from miners.simulator.poisson import cumulative

SHARE_EVERY_S = 5
"""A pool sets the difficulty so that a share comes about as often as this."""

_MANY = 50.0
_NORMAL = NormalDist()


def share_difficulty(hashrate_ghs: float) -> int:
    """Return the power of two that a pool sets as the difficulty of a miner this fast."""
    shares = hashrate_ghs * 1e9 * SHARE_EVERY_S / HASHES_PER_DIFFICULTY
    return int(2 ** max(0, round(log2(shares)))) if shares > 1 else 1


def expected_shares(hashrate_ghs: float, seconds: int, difficulty: int) -> float:
    """Return how many shares so much work brings on average."""
    return hashrate_ghs * 1e9 * seconds / (difficulty * HASHES_PER_DIFFICULTY)


def poisson_at(mean: float, chance: float) -> int:
    """Return the number that a Poisson variable of this mean exceeds with probability 1 − `chance`.

    A mean below 50 is rounded to three digits, so that its table is found again.
    """
    if mean <= 0.0:
        return 0
    if mean > _MANY:
        return max(0, round(mean + sqrt(mean) * _NORMAL.inv_cdf(chance)))
    table = cumulative(round(mean, 2 - floor(log10(mean))))
    return min(bisect_left(table, chance), len(table) - 1)
