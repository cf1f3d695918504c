"""Telemetry files, CSV or JSON lines, plain or gzipped, read line by line in constant memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from miners.telemetry.lines import Line, LineRefused, csv_parser, json_parser

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_LINES = 2000

Numbered = tuple[int, Line | LineRefused, Any]
"""A line's number, what it says or why it is refused, and its text or cells."""


class FileRefused(Exception):
    """A file that cannot be read as telemetry, and why."""


@contextmanager
def reading(path: Path, now: datetime, on_progress: Callable[[int], None]) -> Iterator[Iterator[Numbered]]:
    """Give the numbered lines of the file at `path`; tells `on_progress` the bytes read so far.

    Raises FileRefused when it cannot be opened, is no telemetry file, or is damaged part-way.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise FileRefused(f"cannot be read: {error.strerror}") from error
    with raw, _unpacked(raw) as text:
        yield _telling(_lines(text, now), raw, on_progress)


def _unpacked(raw: IO[bytes]) -> io.TextIOWrapper:
    is_gzip = raw.read(2) == GZIP_MAGIC
    raw.seek(0)
    content: Any = gzip.GzipFile(fileobj=raw) if is_gzip else raw
    # Bytes that are not UTF-8 come through escaped, so that the line they are on can be named.
    return io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _lines(text: io.TextIOWrapper, now: datetime) -> Iterator[Numbered]:
    first = text.readline()
    if not first.strip():
        raise FileRefused("begins with an empty line: a header or a JSON object is wanted")
    whole = _again(first, text)
    yield from _json_lines(whole, now) if first.lstrip().startswith("{") else _csv_lines(whole, now)


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _csv_lines(text: Iterator[str], now: datetime) -> Iterator[Numbered]:
    reader = csv.reader(text)
    try:
        parse = csv_parser(next(reader), now)
    except (LineRefused, csv.Error) as error:
        raise FileRefused(f"line 1 {error}") from error
    while True:
        cells: list[str] = []
        try:
            cells = next(reader)
            if cells:
                yield reader.line_num, parse(cells), cells
        except StopIteration:
            return
        except LineRefused as refused:
            yield reader.line_num, refused, cells
        except csv.Error as error:
            yield reader.line_num, LineRefused(str(error)), cells


def _json_lines(text: Iterator[str], now: datetime) -> Iterator[Numbered]:
    parse = json_parser(now)
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            yield number, parse(line), line
        except LineRefused as refused:
            yield number, refused, line


def _telling(
    lines: Iterator[Numbered], raw: IO[bytes], on_progress: Callable[[int], None]
) -> Iterator[Numbered]:
    try:
        while chunk := list(islice(lines, CHUNK_LINES)):
            yield from chunk
            on_progress(raw.tell())
    except (OSError, EOFError, zlib.error) as error:  # gzip's own BadGzipFile is an OSError
        raise FileRefused(
            f"is damaged or cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
