"""What goes wrong with some devices, and when: a function of the seed and the time the fleet started."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random


class Misfortune(Enum):
    """The one thing that is wrong with a device."""

    NONE = "none"
    GOES_DARK = "goes dark"
    ANSWERS_SLOWLY = "answers slowly"
    BREAKS_JSON = "breaks its JSON"
    REBOOTS = "reboots"


@dataclass(frozen=True)
class Rhythm:
    """How often and how long, each as (least, most) seconds."""

    first: tuple[float, float]
    length: tuple[float, float]
    gap: tuple[float, float]


DARK = Rhythm(first=(120, 210), length=(75, 180), gap=(600, 1500))
BROKEN = Rhythm(first=(45, 120), length=(25, 50), gap=(150, 330))
REBOOT = Rhythm(first=(240, 420), length=(0, 0), gap=(1200, 2400))
SLOW_S = (1.5, 4.0)


class Spells:
    """The times from `start` on at which something is wrong, drawn from `rng` by `rhythm`."""

    def __init__(self, rng: Random, rhythm: Rhythm, start: float) -> None:
        self._rng = rng
        self._rhythm = rhythm
        begin = start + rng.uniform(*rhythm.first)
        self._begins = [begin]
        self._ends = [begin + rng.uniform(*rhythm.length)]

    def at(self, t: float) -> int | None:
        """Return the number of the spell that holds `t`, None when all is well."""
        while self._ends[-1] <= t:
            self._draw()
        index = bisect_right(self._begins, t) - 1
        return index if index >= 0 and t < self._ends[index] else None

    def begins(self) -> Iterator[float]:
        """Yield when each spell begins, without end."""
        index = 0
        while True:
            yield self._begins[index]
            index += 1
            if index == len(self._begins):
                self._draw()

    def _draw(self) -> None:
        begin = self._ends[-1] + self._rng.uniform(*self._rhythm.gap)
        self._begins.append(begin)
        self._ends.append(begin + self._rng.uniform(*self._rhythm.length))


def spoil(text: bytes, spell: int) -> bytes:
    """Return a JSON reply as a failing device sends it: cut short in even spells, a comma missing in odd ones."""
    comma = text.find(b",", len(text) // 3)
    if spell % 2 == 0 or comma < 0:
        return text[: max(1, len(text) * 3 // 5)]
    return text[:comma] + text[comma + 1 :]
