"""Whole numbers as a block of bytes: offsets or differences, cut into planes of equal bytes, each deflated by itself.

Of figures that change little the upper bytes are all alike, and compress to nothing once they stand together.
"""

import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import add, sub
from struct import Struct

OFFSETS, DIFFERENCES = 0, 1

HEADER = Struct("<BBqq")
"""OFFSETS or DIFFERENCES, bytes a number, what is added to each, and the first number (DIFFERENCES)."""

PLANE = Struct("<BI")
"""STORED or DEFLATED, and how many bytes follow."""

STORED, DEFLATED = 0, 1
LEVEL, WINDOW, MEMORY = 4, -12, 6
"""For zlib: planes are of a few kilobytes each, for which its usual tables would take longer to clear than to use.

Of matches only runs are looked for: in bytes of measurements longer ones are chance, and cost more than they save.
"""

LEAST, MOST = -(2**63), 2**63 - 1


class DamagedBlock(ValueError):
    """Bytes that no block of numbers is made of."""


SAMPLE = 256
"""Numbers by which it is decided which kind of block is likely to be shorter."""


def encode_numbers(numbers: Sequence[int]) -> bytes:
    """Return signed 64-bit `numbers`, at least one, as a block of the kind that is likely to be shorter."""
    if isinstance(numbers, array):
        numbers = numbers.tolist()  # an array makes its numbers anew each time that they are looked at
    middle = len(numbers) // 2
    sample = numbers[max(0, middle - SAMPLE // 2) : middle + SAMPLE // 2]
    return (_is_smooth(sample) and _differences(numbers)) or _offsets(numbers)


def _is_smooth(sample: Sequence[int]) -> bool:
    """Return whether the steps from one number to the next tell less than the numbers.

    They do where few of them differ; where all differ, as in measurements of many digits, where they are smaller.
    """
    steps = list(map(sub, sample[1:], sample))
    different, different_steps = len(set(sample)), len(set(steps))
    if not steps or 8 * min(different, different_steps) < 7 * max(different, different_steps):
        return different_steps < different
    return max(steps) - min(steps) < max(sample) - min(sample)


def decode_numbers(data: bytes, at: int, count: int) -> tuple[Sequence[int], int]:
    """Return the `count` numbers of the block at `at` in `data`, and where it ends."""
    kind, width, base, first = HEADER.unpack_from(data, at)
    wanted = count if kind == OFFSETS else count - 1
    above, at = _decode_planes(data, at + HEADER.size, wanted, width)
    if kind == OFFSETS:
        return (list(map(add, above, repeat(base))) if base else above), at
    steps = map(add, above, repeat(base)) if base else iter(above)
    return list(accumulate(steps, initial=first)), at


def encode_bytes(plain: bytes) -> bytes:
    """Return `plain` with its length, deflated where that makes it shorter."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY, zlib.Z_RLE)
    deflated = packer.compress(plain) + packer.flush()
    if len(deflated) < len(plain):
        return PLANE.pack(DEFLATED, len(deflated)) + deflated
    return PLANE.pack(STORED, len(plain)) + plain


def decode_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Return what `encode_bytes` was given, from `at` in `data`, and where it ends."""
    method, length = PLANE.unpack_from(data, at)
    start, end = at + PLANE.size, at + PLANE.size + length
    if method not in (STORED, DEFLATED) or end > len(data):
        raise DamagedBlock(f"no plane of bytes at {at}")
    part = data[start:end]
    return (zlib.decompress(part, WINDOW) if method == DEFLATED else part), end


def _offsets(numbers: Sequence[int]) -> bytes:
    low, high = min(numbers), max(numbers)
    if high - low > MOST:  # as with doubles of both signs
        return _block(OFFSETS, numbers, 0, 8, 0)
    return _block(OFFSETS, numbers, low, _bytes_of(high - low), 0)


def _differences(numbers: Sequence[int]) -> bytes | None:
    steps = list(map(sub, numbers[1:], numbers))
    if not steps:
        return None
    low, high = min(steps), max(steps)
    if not LEAST <= low <= MOST or high - low > MOST:
        return None
    return _block(DIFFERENCES, steps, low, _bytes_of(high - low), numbers[0])


def _bytes_of(number: int) -> int:
    return (number.bit_length() + 7) // 8


def _block(kind: int, numbers: Sequence[int], base: int, width: int, first: int) -> bytes:
    header = HEADER.pack(kind, width, base, first)
    if width == 0:
        return header
    shuffled = _little_endian([number - base for number in numbers] if base else numbers).tobytes()
    return b"".join([header, *(encode_bytes(shuffled[place::8]) for place in range(width))])


def _decode_planes(data: bytes, at: int, count: int, width: int) -> tuple[Sequence[int], int]:
    if width > 8:
        raise DamagedBlock(f"no number has {width} bytes")
    if width == 0:
        return [0] * count, at
    shuffled = bytearray(8 * count)
    for place in range(width):
        plane, at = decode_bytes(data, at)
        if len(plane) != count:
            raise DamagedBlock(f"{len(plane)} bytes for {count} numbers")
        shuffled[place::8] = plane
    return _little_endian(array("q", bytes(shuffled))), at


def _little_endian(numbers: Sequence[int]) -> "array[int]":
    """Return 64-bit numbers so that their bytes in memory are little-endian, or back from there."""
    found = array("q", numbers)
    if sys.byteorder == "big":
        found.byteswap()
    return found
