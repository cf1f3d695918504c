"""Poisson numbers, fast when the same mean comes again and again."""

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate
from math import exp, sqrt
from random import Random

_LARGE = 60.0


def poisson(rng: Random, mean: float) -> int:
    """Return how many of events that happen `mean` times on average do happen this time."""
    if mean <= 0.0:
        return 0
    if mean > _LARGE:
        return max(0, round(rng.gauss(mean, sqrt(mean))))
    return bisect_left(cumulative(mean), rng.random())


@lru_cache(maxsize=1024)
def cumulative(mean: float) -> tuple[float, ...]:
    """Return P(at most k events) for k = 0, 1, 2, … until nothing is left. `mean` is at most 60."""
    terms = [exp(-mean)]
    for k in range(1, int(mean + 12.0 * sqrt(mean) + 12.0)):
        terms.append(terms[-1] * mean / k)
    return tuple(accumulate(terms))
