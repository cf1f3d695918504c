"""Rows on their way from and to PostgreSQL in its binary forms, column by column: no row is made into Python objects.

They come as arrays and go as COPY. What is of one width, elements or rows, is every so-many-th byte of them.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from itertools import compress, repeat
from operator import add, mul
from struct import Struct
from typing import Any

from miners.telemetry.packed.payload import Day

SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
FIELDS = Struct(">h")
LENGTH = Struct(">i")
NO_VALUE = LENGTH.pack(-1)
ARRAY = Struct(">iiIii")
"""Dimensions, whether there are nulls, the elements' type, how many there are, and the number of the first."""

INT4, INT8, FLOAT8 = "i", "q", "d"
"""Types on the wire, as the codes of `array`."""

NULLABLE = ("power_w", "hashrate_ghs", "temperature_c", "fan_rpm", "accepted", "rejected")
FIGURES = NULLABLE[:3]

READ = f"""
SELECT miner_id, array_agg((date_part('epoch', timestamp) - %(midnight)s)::int4), array_agg(covered_s),
       {", ".join(f"array_agg({name})" for name in NULLABLE)}
FROM telemetry
WHERE miner_id = ANY(%(miner_ids)s) AND timestamp >= %(start)s AND timestamp < %(end)s GROUP BY miner_id
"""
"""A row a miner: as many rows as it has readings would take longer to pass on than to pack. They are nearly always
stored in the order of time, so that nobody sorts them there. Its parameters: when the day begins, in seconds since 1970,
the miners, and from when to when."""

WRITE = f"COPY {{table}} (miner_id, timestamp, covered_s, {', '.join(NULLABLE)}) FROM STDIN (FORMAT binary)"

ONE_BY_ONE = 16
"""So many items after a null are read each by itself."""

Y2K = datetime(2000, 1, 1, tzinfo=UTC)


def read_days(rows: Iterable[Sequence[bytes]]) -> Iterator[tuple[int, Day]]:
    """Yield each miner's id and day of what READ gave, in binary form."""
    for miner_id, second, covered_s, *values in rows:
        told = {
            name: _values(FLOAT8 if name in FIGURES else INT4, data)
            for name, data in zip(NULLABLE, values, strict=True)
        }
        day = Day(second=_values(INT4, second), covered_s=_values(INT4, covered_s), **told)
        yield LENGTH.unpack(miner_id)[0], _in_order(day)


def write_days(copy: Any, days: Iterator[tuple[int, date, Day]]) -> int:
    """Send rows to WRITE: each miner's id, UTC day and rows. Returns how many rows."""
    rows = 0
    copy.write(SIGNATURE)
    for miner_id, on, day in days:
        copy.write(b"".join(_rows(miner_id, on, day)))
        rows += len(day)
    copy.write(TRAILER)
    return rows


def _in_order(day: Day) -> Day:
    """Return the rows of `day` by their second."""
    ordered = sorted(day.second)
    if ordered == list(day.second):
        return day
    places = sorted(range(len(day)), key=day.second.__getitem__)
    return Day(**{field.name: [getattr(day, field.name)[n] for n in places] for field in fields(Day)})


def _values(code: str, data: bytes) -> Any:
    """Return what an array of one dimension holds; None for nulls."""
    _, has_nulls, _, count, _ = ARRAY.unpack_from(data)
    if not has_nulls:
        return _numbers(code, data[ARRAY.size :])
    if len(data) == ARRAY.size + LENGTH.size * count:
        return [None] * count
    return list(_with_nulls(code, data[ARRAY.size :]))


def _with_nulls(code: str, items: bytes) -> Iterator[Any]:
    """Yield what `items` hold: at first after a null one by one, then more and more at a time, up to the next null.

    So neither few nulls nor many cost more than in proportion to the items.
    """
    number = Struct(f">{code}")
    stride = LENGTH.size + number.size
    at = run = 0
    while at < len(items):
        if items[at] == NO_VALUE[0]:
            yield None
            at, run = at + LENGTH.size, 0
        elif run < ONE_BY_ONE:
            yield number.unpack_from(items, at + LENGTH.size)[0]
            at, run = at + stride, run + 1
        else:
            lengths = items[at : at + run * stride : stride]
            count = len(lengths) if (null := lengths.find(NO_VALUE[:1])) < 0 else null
            yield from _numbers(code, items[at : at + count * stride])
            at, run = at + count * stride, run + count


def _numbers(code: str, items: bytes) -> "array[Any]":
    """Return numbers of one width, each of which has its length before it."""
    size = array(code).itemsize
    stride = LENGTH.size + size
    ordered = bytearray(len(items) // stride * size)
    for place in range(size):
        ordered[place::size] = items[LENGTH.size + place :: stride]
    return _big_endian(array(code, bytes(ordered)))


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
