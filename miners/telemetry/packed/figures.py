"""Doubles as whole numbers from which they come back bit for bit.

Most figures of devices are decimals of few digits, and some single precision; what is neither keeps its 64 bits.
"""

from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import mul, truediv

DECIMAL_PLACES = range(7)
SINGLE, DOUBLE = 254, 255
"""How numbers stand for doubles; smaller: the number of decimal places."""

EXACT_BELOW = 2.0**53
"""Whole numbers up to here are doubles, so that a division by a power of ten rounds but once."""

PROBE = 32


def to_numbers(figures: Sequence[float]) -> tuple[int, Sequence[int]]:
    """Return by which of the ways, and the numbers that stand for `figures`, at least one."""
    return _scaled(figures) or _single(figures) or (DOUBLE, _bits(figures))


def from_numbers(way: int, numbers: Sequence[int]) -> Sequence[float]:
    """Return the figures for which `numbers` stand."""
    if way == DOUBLE:
        return array("d", array("q", numbers).tobytes())
    if way == SINGLE:
        return array("d", array("f", array("i", numbers).tobytes()))
    return list(map(truediv, numbers, repeat(10.0**way)))


def _scaled(figures: Sequence[float]) -> tuple[int, Sequence[int]] | None:
    largest = max(max(figures), -min(figures))
    probe, exact = figures[:PROBE], _bytes(figures)
    for places in DECIMAL_PLACES:
        if not largest * 10.0**places < EXACT_BELOW:
            return None
        if _at(places, probe, _bytes(probe)) and (numbers := _at(places, figures, exact)):
            return places, numbers
    return None


def _at(places: int, figures: Sequence[float], exact: bytes) -> list[int] | None:
    """Return the figures times 10^places where that is exact, bit for bit: −0.0 is not."""
    scale = 10.0**places
    try:
        numbers = list(map(round, map(mul, figures, repeat(scale))))
    except ValueError:  # a NaN among them, which max and min may not have shown
        return None
    return numbers if _bytes(list(map(truediv, numbers, repeat(scale)))) == exact else None


def _single(figures: Sequence[float]) -> tuple[int, Sequence[int]] | None:
    try:
        singles = array("f", figures)
    except OverflowError:
        return None
    if _bytes(singles) != _bytes(figures):
        return None
    return SINGLE, array("i", singles.tobytes())


def _bits(figures: Sequence[float]) -> Sequence[int]:
    return array("q", _bytes(figures))


def _bytes(figures: Sequence[float]) -> bytes:
    return array("d", figures).tobytes()
