"""A line of block characters, one for a stretch of time."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.:-=+*#"
GAP = " "


def sparkline(values: Sequence[float | None], cells: int, glyphs: str = BLOCKS) -> str:
    """Return equally spaced `values` over zero in that many cells; where nothing is known it is blank.

    A cell is the mean of what is known in its stretch; the greatest value reaches the top. The lowest block
    is zero, so that a machine that stood still is not taken for one that was not heard of.
    """
    means = [_mean(values[a:b]) for a, b in _stretches(len(values), cells)]
    top = max((value for value in means if value is not None), default=0.0)
    return "".join(GAP if value is None else glyphs[_step(value, top, len(glyphs))] for value in means)


def _stretches(count: int, cells: int) -> list[tuple[int, int]]:
    """Return where each cell begins and ends; fewer values than cells are repeated."""
    if not count:
        return [(0, 0)] * cells
    edges = [n * count // cells for n in range(cells + 1)]
    return [(a, max(b, a + 1)) for a, b in pairwise(edges)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and isfinite(value)]
    return sum(known) / len(known) if known else None


def _step(value: float, top: float, steps: int) -> int:
    if value <= 0 or top <= 0:
        return 0
    return max(1, min(steps - 1, round(value / top * (steps - 1))))
