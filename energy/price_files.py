"""Prices from CSV files: `start,end,pence_per_kwh`, checked line by line and never held whole in memory."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any

from energy.points import PriceError, PricePoint, check_point
from hmm.lib.times import offset_refusal

COLUMNS = ("start", "end", "pence_per_kwh")
LONGEST_LINE = 4096
GZIP_MAGIC = b"\x1f\x8b"
OTHER_MONEY = re.compile(r"currency|unit|\w+_per_[kmg]?wh", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class PriceFileError(Exception):
    """A file that is refused; the message names the line and the reason."""


def read_price_file(file: IO[bytes]) -> Iterator[tuple[int, PricePoint]]:
    """Yield (line number, price) for each row of a CSV file, plain or gzip-compressed.

    The columns may be in any order; a byte order mark, CRLF and blank lines do not matter.
    Raises PriceFileError at the first line that is wrong.
    """
    reader = csv.reader(_lines(_plain(file)), strict=True)
    order = _column_order(_next_row(reader))
    rows = 0
    while (cells := _next_row(reader)) is not None:
        if cells:
            rows += 1
            yield reader.line_num, _point(cells, order, reader.line_num)
    if not rows:
        raise PriceFileError(f"line {reader.line_num}: there are no prices in this file")


def _plain(file: IO[bytes]) -> IO[bytes]:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    if buffered.peek(2)[:2] == GZIP_MAGIC:
        return gzip.open(buffered)  # type: ignore[return-value]
    return buffered


def _lines(file: IO[bytes]) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        line = _line(file, number)
        if not line:
            return
        yield line.removeprefix("\ufeff") if number == 1 else line


def _line(file: IO[bytes], number: int) -> str:
    try:
        raw = file.readline(LONGEST_LINE)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise PriceFileError(f"line {number}: the gzip file is damaged or cut off here") from None
    if len(raw) == LONGEST_LINE:
        raise PriceFileError(f"line {number}: longer than {LONGEST_LINE} bytes; is this a CSV file?")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PriceFileError(f"line {number}: not UTF-8 text") from None


def _next_row(reader: Any) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise PriceFileError(f"line {reader.line_num}: not CSV ({error})") from None


def _column_order(header: list[str] | None) -> dict[str, int]:
    """Return the place of each column. Raises PriceFileError unless each is there once, and no other."""
    if not header:
        raise PriceFileError(f"line 1: the columns {','.join(COLUMNS)} are missing")
    names = [name.strip() for name in header]
    for name in names:
        if name.lower() not in COLUMNS and OTHER_MONEY.fullmatch(name):
            raise PriceFileError(
                f"line 1: the column {name!r} tells of another currency or unit; the prices must be in"
                " pence_per_kwh, hundredths of the tariff's own currency"
            )
    for name in COLUMNS:
        if name not in names:
            raise PriceFileError(f"line 1: the column {name} is missing; there must be {','.join(COLUMNS)}")
    for name in names:
        if names.count(name) > 1:
            raise PriceFileError(f"line 1: the column {name} is there twice")
        if name not in COLUMNS:
            raise PriceFileError(f"line 1: the column {name!r} is unknown; there may be {','.join(COLUMNS)}")
    return {name: names.index(name) for name in COLUMNS}


def _point(cells: list[str], order: dict[str, int], line: int) -> PricePoint:
    if len(cells) != len(COLUMNS):
        raise PriceFileError(f"line {line}: {len(cells)} values instead of {len(COLUMNS)}")
    try:
        start, end = (_instant(cells[order[name]], name) for name in ("start", "end"))
        point = PricePoint(start, end, _price(cells[order["pence_per_kwh"]]))
        check_point(point)
    except (PriceError, ValueError) as error:
        raise PriceFileError(f"line {line}: {error}") from None
    return point


def _instant(text: str, column: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{column} {text!r} is not an ISO 8601 time such as 2025-03-30T12:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{column} {text!r} has no UTC offset, such as Z or +01:00")
    if wrong := offset_refusal(moment):
        raise ValueError(f"{column} {text!r} {wrong}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{column} {text!r} is beyond the calendar") from None


def _price(text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError(f"pence_per_kwh {text!r} is not a number such as 12.5 or -3")
    return float(text)
