"""Arrays on their way to PostgreSQL in its binary form, thousands of values at a time.

Django's cursors write parameters into the statement as text, which for arrays of numbers is most of what a statement
costs, here and at the server that reads them again. Values of one width are the bytes of an `array.array` in the order
of the wire, with a length before each: a few strided copies.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from struct import Struct
from typing import Any, ClassVar, TypeVar

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format

HEADER = Struct(">iiIii")
"""Dimensions, whether there are nulls, the elements' type, how many there are, and the number of the first."""

LENGTH = Struct(">i")
NULL = LENGTH.pack(-1)


class BinaryArray(bytes):
    """An array as PostgreSQL receives it: a parameter for cursors of `binding_cursor`."""

    element: ClassVar[str]
    """The type of its elements."""


class NumberArray(BinaryArray):
    """An array of numbers."""

    code: ClassVar[str]
    """What `array.array` and `struct` call their type."""


class Int4Array(NumberArray):
    element, code = "int4", "i"


class Int8Array(NumberArray):
    element, code = "int8", "q"


class Float8Array(NumberArray):
    element, code = "float8", "d"


class TextArray(BinaryArray):
    element = "text"


Numbers = TypeVar("Numbers", bound=NumberArray)


def number_array(kind: type[Numbers], values: Sequence[float | None]) -> Numbers:
    """Return `values` as an array; None is null. Raises TypeError or OverflowError for what such an array cannot hold."""
    try:
        items = _interleaved(array(kind.code, values))  # type: ignore[arg-type]
    except TypeError:
        if None not in values:
            raise
        return kind(_header(kind, len(values), has_nulls=True) + _with_nulls(kind.code, values))
    return kind(_header(kind, len(values)) + items)


def text_array(values: Sequence[str]) -> TextArray:
    """Return `values` as an array. Raises ValueError for a NUL in them, which PostgreSQL's text cannot hold."""
    encoded = "\x00".join(values).encode().split(b"\x00") if values else []
    if len(encoded) != len(values):
        raise ValueError("a text with a NUL cannot be sent")
    items = chain.from_iterable(zip(map(LENGTH.pack, map(len, encoded)), encoded, strict=True))
    return TextArray(_header(TextArray, len(values)) + b"".join(items))


@contextmanager
def binding_cursor(*, binary: bool = False) -> Iterator[CursorWrapper]:
    """Give a cursor that sends its parameters beside the statement; `binary` is how it wants its results.

    Nothing is prepared, so that it works behind a pooler that lends connections by the transaction.
    """
    connection.ensure_connection()
    raw: Any = Cursor(connection.connection)
    raw.format = Format.BINARY if binary else Format.TEXT
    for dumper in DUMPERS:
        raw.adapters.register_dumper(*dumper)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(raw) as cursor:
        yield cursor


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> Buffer:
        return obj


def _dumper(kind: type[BinaryArray]) -> tuple[type[BinaryArray], type[Dumper]]:
    return kind, type(f"{kind.__name__}Dumper", (_AsItIs,), {"oid": types[kind.element].array_oid})


DUMPERS = [_dumper(kind) for kind in (Int4Array, Int8Array, Float8Array, TextArray)]


def _header(kind: type[BinaryArray], count: int, *, has_nulls: bool = False) -> bytes:
    return HEADER.pack(1, has_nulls, types[kind.element].oid, count, 1)


def _interleaved(values: "array[float]") -> bytes:
    if sys.byteorder == "little":
        values.byteswap()
    width, plain = values.itemsize, values.tobytes()
    items = bytearray(_item(bytes(width)) * len(values))
    stride = LENGTH.size + width
    for place in range(width):
        items[LENGTH.size + place :: stride] = plain[place::width]
    return bytes(items)


def _with_nulls(code: str, values: Sequence[float | None]) -> bytes:
    pack = Struct(f">{code}").pack
    return b"".join([NULL if value is None else _item(pack(value)) for value in values])


def _item(data: bytes) -> bytes:
    return LENGTH.pack(len(data)) + data
