"""Randomness as a pure function of a seed and a time: the same question always has the same answer."""

from collections.abc import Sequence
from random import Random

_MASK = (1 << 64) - 1
_DAY_S = 86_400.0


def stream(*key: object) -> Random:
    """Return a generator of its own for `key`, the same in every process."""
    return Random(":".join(str(part) for part in key))


def _lattice(seed: int, index: int) -> float:
    """Return a number in [−1, 1) that belongs to `index` (splitmix64)."""
    x = (seed + index * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) / (1 << 63) - 1.0


def drift(seed: int, t: float, period_s: float) -> float:
    """Return smooth noise in [−1, 1] that takes about `period_s` to forget where it was."""
    index, fraction = divmod(t / period_s, 1.0)
    before, after = _lattice(seed, int(index)), _lattice(seed, int(index) + 1)
    return before + (after - before) * fraction * fraction * (3.0 - 2.0 * fraction)


def layered(seed: int, t: float, layers: Sequence[tuple[float, float]], slower_than_s: float = 0.0) -> float:
    """Return the sum of `layers` of (period in seconds, weight), without those an average would swallow."""
    return sum(
        weight * drift(seed + layer, t, period_s)
        for layer, (period_s, weight) in enumerate(layers)
        if period_s >= slower_than_s
    )


def room_seed(seed: int) -> int:
    """Return the seed of the one room all devices of a fleet stand in."""
    return stream(seed, "room").getrandbits(63)


def ambient_c(seed: int, t: float) -> float:
    """Return the temperature of the room at `t`: warmest in mid-afternoon, and no two days alike."""
    return 21.0 + 3.0 * day_wave(t) + 2.0 * drift(seed, t, _DAY_S) + 0.4 * drift(seed + 1, t, 1800.0)


def day_wave(t: float) -> float:
    """Return −1 before dawn (03:00 UTC) to 1 in mid-afternoon (15:00 UTC), a smooth daily wave."""
    phase = (t / _DAY_S - 0.625) % 1.0
    distance = abs(phase - 0.5) * 2.0
    return 1.0 - 2.0 * (1.0 - distance) ** 2 * (1.0 + 2.0 * distance)
