"""Rows in PostgreSQL's binary COPY format, column by column: no row is ever made into Python objects of its own.

Rows of the same shape have the same length, so that a column is every so-many-th byte of them.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import compress, repeat
from operator import add, mul
from struct import Struct
from typing import Any

from miners.telemetry.packed.payload import Day, Values

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
FIELDS = Struct(">h")
LENGTH = Struct(">i")
NO_VALUE = LENGTH.pack(-1)

INT4, INT8, FLOAT8 = "i", "q", "d"
"""Types on the wire, as the codes of `array`."""

NULLABLE = ("power_w", "hashrate_ghs", "temperature_c", "fan_rpm", "accepted", "rejected")
FIGURES = NULLABLE[:3]

READ = f"""
COPY (
    SELECT miner_id, (extract(epoch FROM timestamp) - %s)::int AS second, covered_s,
           {" + ".join(f"CASE WHEN {name} IS NULL THEN {1 << bit} ELSE 0 END" for bit, name in enumerate(NULLABLE))} AS missing,
           {", ".join(f"coalesce({name}, 0) AS {name}" for name in NULLABLE)}
    FROM telemetry WHERE miner_id = ANY(%s) AND timestamp >= %s AND timestamp < %s ORDER BY miner_id, timestamp
) TO STDOUT (FORMAT binary)
"""
"""Nulls are told beside the values, so that all rows have one length. Its parameters: when the day begins, in seconds
since 1970, the miners, and from when to when."""

READ_TYPES = (INT4, INT4, INT4, INT4, FLOAT8, FLOAT8, FLOAT8, INT4, INT4, INT4)

WRITE = f"COPY {{table}} (miner_id, timestamp, covered_s, {', '.join(NULLABLE)}) FROM STDIN (FORMAT binary)"

Y2K = datetime(2000, 1, 1, tzinfo=UTC)


def read_days(data: bytes) -> Iterator[tuple[int, Day]]:
    """Yield each miner's id and day of what READ gave."""
    columns = _columns(data[len(SIGNATURE) : -len(TRAILER)])
    miners, second, covered_s, missing, *values = columns
    start = 0
    while start < len(miners):
        end = start + miners[start:].count(miners[start])
        part = slice(start, end)
        told = [_with_nulls(column[part], missing[part], 1 << bit) for bit, column in enumerate(values)]
        yield (
            miners[start],
            Day(second[part], covered_s[part], **dict(zip(NULLABLE, told, strict=True))),  # type: ignore[arg-type]
        )
        start = end


def write_days(copy: Any, days: Iterator[tuple[int, date, Day]]) -> int:
    """Send rows to WRITE: each miner's id, UTC day and rows. Returns how many rows."""
    rows = 0
    copy.write(SIGNATURE)
    for miner_id, on, day in days:
        copy.write(b"".join(_rows(miner_id, on, day)))
        rows += len(day)
    copy.write(TRAILER)
    return rows


def _columns(rows: bytes) -> "list[array[Any]]":
    width = FIELDS.size + sum(LENGTH.size + array(kind).itemsize for kind in READ_TYPES)
    found, at = [], FIELDS.size
    for kind in READ_TYPES:
        size = array(kind).itemsize
        at += LENGTH.size
        ordered = bytearray(len(rows) // width * size)
        for place in range(size):
            ordered[place::size] = rows[at + place :: width]
        found.append(_big_endian(array(kind, bytes(ordered))))
        at += size
    return found


def _with_nulls(values: "array[Any]", missing: "array[int]", bit: int) -> Values:
    if not any(missing):
        return values
    return [None if told & bit else value for value, told in zip(values, missing, strict=True)]


def _rows(miner_id: int, on: date, day: Day) -> Iterator[bytes]:
    """Yield the rows of `day`, in pieces of rows that tell the same quantities."""
    values = [getattr(day, name) for name in NULLABLE]
    with_gaps = [column for column in values if None in column]
    if not with_gaps:
        yield _alike(miner_id, on, day.second, day.covered_s, values)
        return
    places: dict[tuple[bool, ...], list[int]] = defaultdict(list)
    for n, told in enumerate(zip(*([v is None for v in column] for column in with_gaps), strict=True)):
        places[told].append(n)
    for numbers in places.values():
        chosen = bytearray(len(day))
        for n in numbers:
            chosen[n] = 1
        second, covered_s, *picked = (list(compress(c, chosen)) for c in (day.second, day.covered_s, *values))
        yield _alike(miner_id, on, second, covered_s, picked)


def _alike(
    miner_id: int, on: date, second: Sequence[int], covered_s: Sequence[int], values: Sequence[Sequence[Any]]
) -> bytes:
    """Return rows all of which tell the quantities that the first of them tells."""
    count = len(second)
    midnight_us = int((datetime(on.year, on.month, on.day, tzinfo=UTC) - Y2K).total_seconds()) * 1_000_000
    times = map(add, map(mul, second, repeat(1_000_000)), repeat(midnight_us))
    fields = [
        array(INT4, [miner_id]) * count,
        array(INT8, times),
        array(INT4, covered_s),
        *(
            None if column[0] is None else array(FLOAT8 if name in FIGURES else INT4, column)
            for name, column in zip(NULLABLE, values, strict=True)
        ),
    ]
    return _interleaved(fields, count)


def _interleaved(fields: "Sequence[array[Any] | None]", count: int) -> bytes:
    empty = [NO_VALUE if f is None else LENGTH.pack(f.itemsize) + bytes(f.itemsize) for f in fields]
    row = FIELDS.pack(len(fields)) + b"".join(empty)
    rows = bytearray(row * count)
    at = FIELDS.size
    for field, blank in zip(fields, empty, strict=True):
        if field is not None:
            ordered = _big_endian(field).tobytes()
            for place in range(field.itemsize):
                rows[at + LENGTH.size + place :: len(row)] = ordered[place :: field.itemsize]
        at += len(blank)
    return bytes(rows)


def _big_endian(numbers: "array[Any]") -> "array[Any]":
    """Swap the bytes of `numbers` between this machine's order and the wire's, in place."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
