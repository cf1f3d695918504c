"""Noise as a pure function of a seed and a time, cheap enough for millions of rows."""

from typing import NamedTuple

from miners.simulator.noise import stream

_MASK = (1 << 64) - 1
_TEN_BITS = 1023


class Flicker(NamedTuple):
    """What is new at each mark: the first three in [−1, 1], the last two in (0, 1)."""

    hashrate: float
    power: float
    temperature: float
    accepted: float
    rejected: float


class Wander:
    """Smooth noise in [−1, 1] that takes about `period_s` to forget where it was.

    It is asked in the order of time: the two values it goes between are only drawn when they change.
    """

    def __init__(self, seed: int, period_s: int) -> None:
        self._seed = seed
        self._period_s = period_s
        self._phase_s = seed % period_s  # so that the miners of a site do not turn together
        self._index = -1
        self._from = self._step = 0.0

    def at(self, second: int) -> float:
        """Return the noise at `second`, counted since 1970."""
        index, rest_s = divmod(second + self._phase_s, self._period_s)
        if index != self._index:
            self._index = index
            self._from = _level(self._seed, index)
            self._step = _level(self._seed, index + 1) - self._from
        way = rest_s / self._period_s
        return self._from + self._step * way * way * (3.0 - 2.0 * way)


def seed_of(*key: object) -> int:
    """Return a seed of its own for `key`, the same in every process."""
    return stream(*key).getrandbits(63)


def flicker(seed: int, second: int) -> Flicker:
    """Return what is new at `second`. One number of 64 bits is enough for all of it."""
    x = _bits(seed, second)
    return Flicker(
        (x & _TEN_BITS) / 511.5 - 1.0,
        ((x >> 10) & _TEN_BITS) / 511.5 - 1.0,
        ((x >> 20) & _TEN_BITS) / 511.5 - 1.0,
        (((x >> 30) & 0xFFFFF) + 0.5) / 0x100000,
        ((x >> 50) + 0.5) / 0x4000,
    )


def _level(seed: int, index: int) -> float:
    return _bits(seed, index) / (1 << 63) - 1.0


def _bits(seed: int, index: int) -> int:
    """Return 64 bits that belong to `index` (splitmix64)."""
    x = (seed + index * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
