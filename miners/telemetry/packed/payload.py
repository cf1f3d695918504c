"""A miner's day as columns, and as the bytes of one packed row.

The bytes: the version of the format, how many rows there are, then each column of COLUMNS in turn. A column begins
with how many of its values are told; where that is some but not all, a plane of one byte a row says which. What is
told follows as one block of numbers: times as seconds of their UTC day, figures as `figures` tells.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from struct import Struct
from typing import Any

from miners.telemetry.packed.blocks import decode_bytes, decode_numbers, encode_bytes, encode_numbers
from miners.telemetry.packed.figures import from_numbers, to_numbers

VERSION = 1

WHOLE = ("second", "covered_s", "fan_rpm", "accepted", "rejected")
FIGURES = ("power_w", "hashrate_ghs", "temperature_c")
COLUMNS = (*WHOLE, *FIGURES)

HEADER = Struct("<BI")
TOLD = Struct("<I")

Values = Sequence[int | None] | Sequence[float | None]


class UnknownFormat(ValueError):
    """A packed row of a version that this program does not know."""


@dataclass(frozen=True, slots=True)
class Day:
    """A miner's rows of one UTC day, oldest first, as columns; `second` counts from midnight."""

    second: Sequence[int]
    covered_s: Sequence[int]
    power_w: Sequence[float | None]
    hashrate_ghs: Sequence[float | None]
    temperature_c: Sequence[float | None]
    fan_rpm: Sequence[int | None]
    accepted: Sequence[int | None]
    rejected: Sequence[int | None]

    def __len__(self) -> int:
        return len(self.second)


def encode(day: Day) -> bytes:
    """Return `day`, of at least one row, as bytes from which `decode` makes the same, bit for bit."""
    columns = [_encode_column(name, getattr(day, name)) for name in COLUMNS]
    return b"".join([HEADER.pack(VERSION, len(day)), *columns])


def decode(data: bytes) -> Day:
    """Return the day that `encode` was given. Raises UnknownFormat for another version's bytes."""
    version, rows = HEADER.unpack_from(data)
    if version != VERSION:
        raise UnknownFormat(f"packed telemetry of version {version}; this program knows version {VERSION}")
    columns: dict[str, Any] = {}
    at = HEADER.size
    for name in COLUMNS:
        columns[name], at = _decode_column(name, data, at, rows)
    return Day(**columns)


def _encode_column(name: str, values: Values) -> bytes:
    has_gaps = not isinstance(values, array) and None in values
    is_told = bytes(value is not None for value in values) if has_gaps else None
    told = list(compress(values, is_told)) if is_told is not None else values
    parts = [TOLD.pack(len(told))]
    if is_told is not None and told:
        parts.append(encode_bytes(is_told))
    if told:
        parts.append(_encode_told(name, told))
    return b"".join(parts)


def _encode_told(name: str, told: Sequence[Any]) -> bytes:
    if name in WHOLE:
        return encode_numbers(told)
    way, numbers = to_numbers(told)
    return bytes([way]) + encode_numbers(numbers)


def _decode_column(name: str, data: bytes, at: int, rows: int) -> tuple[Values, int]:
    (told,) = TOLD.unpack_from(data, at)
    at += TOLD.size
    if told == 0:
        return [None] * rows, at
    is_told = b""
    if told < rows:
        is_told, at = decode_bytes(data, at)
    values: Sequence[float]
    if name in WHOLE:
        values, at = decode_numbers(data, at, told)
    else:
        numbers, end = decode_numbers(data, at + 1, told)
        values, at = from_numbers(data[at], numbers), end
    return (values if told == rows else _spread(values, is_told)), at


def _spread(values: Iterable[float], is_told: bytes) -> list[float | None]:
    following = iter(values)
    return [next(following) if told else None for told in is_told]
