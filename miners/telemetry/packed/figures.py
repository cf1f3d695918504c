"""Doubles as whole numbers from which they come back bit for bit.

Most figures of devices are decimals of few digits, and some single precision; what is neither keeps its 64 bits.
"""

from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import add, mul, truediv

DECIMAL_PLACES = range(7)
SINGLE, DOUBLE = 254, 255
"""How numbers stand for doubles; smaller: the number of decimal places."""

EXACT_BELOW = 2.0**53
"""Whole numbers up to here are doubles, so that a division by a power of ten rounds but once."""

PROBE = 32

BIAS = 1.5 * 2.0**52
"""So large that a double near it has no room for fractions: it rounds what is added to the nearest whole number."""

UPPER_BYTES = {place: byte for place, byte in enumerate(array("d", [BIAS]).tobytes()) if byte}
"""Where its bytes stand, and which; all others are zero."""


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
    exact = _bytes(figures)
    figures = list(figures)
    probe = figures[:PROBE]
    for places in DECIMAL_PLACES:
        if _at(places, probe, _bytes(probe)) and (numbers := _at(places, figures, exact)):
            return places, numbers
    return None


def _at(places: int, figures: Sequence[float], exact: bytes) -> list[int] | None:
    """Return the figures times 10^places where that is exact, bit for bit: −0.0 is not."""
    scale = 10.0**places
    scaled = list(map(mul, figures, repeat(scale))) if places else figures
    numbers = _nearest(scaled) or _rounded(scaled)
    if numbers is None:
        return None
    again = map(truediv, numbers, repeat(scale)) if places else numbers
    return numbers if _bytes(list(again)) == exact else None


def _nearest(figures: Sequence[float]) -> list[int] | None:
    """Return the nearest whole numbers where all are from 0 to 2^48: the last bits of the sum with BIAS, as they stand."""
    data = bytearray(_bytes(list(map(add, figures, repeat(BIAS)))))
    for place, byte in UPPER_BYTES.items():
        if data[place::8].count(byte) != len(figures):
            return None
        data[place::8] = bytes(len(figures))
    return array("q", bytes(data)).tolist()


def _rounded(figures: Sequence[float]) -> list[int] | None:
    try:
        numbers = list(map(round, figures))
    except (ValueError, OverflowError):  # NaN or infinite
        return None
    return numbers if min(numbers) > -EXACT_BELOW and max(numbers) < EXACT_BELOW else None


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
