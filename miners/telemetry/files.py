"""Telemetry files, CSV or JSON lines, plain or gzipped, read line by line in constant memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from miners.telemetry.columns import Columns, columns_parser
from miners.telemetry.lines import Line, LineRefused, csv_parser, json_parser

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_LINES = 2000
LONGEST_LINE = 65536

Numbered = tuple[int, Line | LineRefused, Any]
"""A line's number, what it says or why it is refused, and its text or cells."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file: their numbers, and their texts or cells, or why they cannot even be split."""

    numbers: Sequence[int]
    texts: Sequence[Any]
    parse: Callable[[Any], Line]
    parse_columns: Callable[[Any], Columns | None] | None = None

    def columns(self) -> Columns | None:
        """Return the lines at once, or None where they must be looked at one by one."""
        if self.parse_columns is None or any(isinstance(text, LineRefused) for text in self.texts):
            return None
        return self.parse_columns(self.texts)

    def lines(self) -> Iterator[Numbered]:
        """Return the lines one by one."""
        for number, text in zip(self.numbers, self.texts, strict=True):
            try:
                if isinstance(text, LineRefused):
                    raise text
                yield number, self.parse(text), text
            except LineRefused as refused:
                yield number, refused, text


class FileRefused(Exception):
    """A file that cannot be read as telemetry, and why."""


@contextmanager
def reading(path: Path, now: datetime, on_progress: Callable[[int], None]) -> Iterator[Iterator[Chunk]]:
    """Give the lines of the file at `path` in chunks; tells `on_progress` the bytes read so far.

    Raises FileRefused when it cannot be opened, is no telemetry file, or is damaged part-way.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise FileRefused(f"cannot be read: {error.strerror}") from error
    with raw, _unpacked(raw) as text:
        yield _telling(_chunks(text, now), raw, on_progress)


def _unpacked(raw: IO[bytes]) -> io.TextIOWrapper:
    is_gzip = raw.read(2) == GZIP_MAGIC
    raw.seek(0)
    content: Any = gzip.GzipFile(fileobj=raw) if is_gzip else raw
    # Bytes that are not UTF-8 come through escaped, so that the line they are on can be named.
    return io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _chunks(text: io.TextIOWrapper, now: datetime) -> Iterator[Chunk]:
    lines = _lines(text)
    first = next(lines, "")
    if not first.strip():
        raise FileRefused("begins with an empty line: a header or a JSON object is wanted")
    whole = chain([first], lines)
    if first.lstrip().startswith("{"):
        yield from _chunked(_json_lines(whole), json_parser(now))
        return
    reader = csv.reader(whole)
    try:
        header = next(reader)
        parse = csv_parser(header, now)
    except (LineRefused, csv.Error) as error:
        raise FileRefused(f"line 1 {error}") from error
    yield from _chunked(_csv_lines(reader), parse, columns_parser(header, now))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines; one without end, which would fill the memory, refuses the file."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise FileRefused(f"line {number} is longer than {LONGEST_LINE - 1} characters")
        yield line


def _chunked(
    lines: Iterator[tuple[int, Any]],
    parse: Callable[[Any], Line],
    parse_columns: Callable[[Any], Columns | None] | None = None,
) -> Iterator[Chunk]:
    while some := list(islice(lines, CHUNK_LINES)):
        numbers, texts = zip(*some, strict=True)
        yield Chunk(numbers, texts, parse, parse_columns)


def _csv_lines(reader: Any) -> Iterator[tuple[int, list[str] | LineRefused]]:
    while True:
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
            return
        except csv.Error as error:
            yield reader.line_num, LineRefused(str(error))


def _json_lines(text: Iterator[str]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text, start=1) if line.strip())


def _telling(chunks: Iterator[Chunk], raw: IO[bytes], on_progress: Callable[[int], None]) -> Iterator[Chunk]:
    try:
        for chunk in chunks:
            yield chunk
            on_progress(raw.tell())
    except (OSError, EOFError, zlib.error) as error:  # gzip's own BadGzipFile is an OSError
        why = getattr(error, "strerror", None) or error
        raise FileRefused(f"is damaged or cannot be read: {why}") from error
