"""Telemetry files, CSV or JSON lines, plain or gzipped, read line by line in constant memory."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import BufferedIOBase, BufferedReader
from itertools import chain
from pathlib import Path

from miners.telemetry.columns import Columns, columns_parser
from miners.telemetry.lines import Line, LineRefused, csv_parser, json_parser

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = "\ufeff"
BLOCK_BYTES = 1 << 18
"""As much of a file as is in memory at once. Larger ones are slower: they leave the processor's caches."""

LONGEST_LINE = 65536

Numbered = tuple[int, Line | LineRefused, str]
"""A line's number, what it says or why it is refused, and its text."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file, none of them empty, and the numbers they have in it."""

    numbers: Sequence[int]
    texts: Sequence[str]
    parse: Callable[[str], Line]
    parse_columns: Callable[[Sequence[str]], Columns | None] | None = None

    def columns(self) -> Columns | None:
        """Return the lines at once, or None where they must be looked at one by one."""
        return None if self.parse_columns is None else self.parse_columns(self.texts)

    def halves(self) -> "tuple[Chunk, Chunk]":
        """Return the first half of the lines and the rest."""
        middle = len(self.texts) // 2
        return (
            replace(self, numbers=self.numbers[:middle], texts=self.texts[:middle]),
            replace(self, numbers=self.numbers[middle:], texts=self.texts[middle:]),
        )

    def lines(self) -> Iterator[Numbered]:
        """Return the lines one by one."""
        for number, text in zip(self.numbers, self.texts, strict=True):
            if text.isspace():
                continue
            try:
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
    with raw:
        yield _telling(_chunks(_unpacked(raw), now), raw, on_progress)


def _unpacked(raw: BufferedReader) -> BufferedIOBase:
    try:
        is_gzip = raw.peek(2)[:2] == GZIP_MAGIC
    except OSError as error:
        raise FileRefused(f"cannot be read: {error.strerror}") from error
    return gzip.GzipFile(fileobj=raw) if is_gzip else raw


def _chunks(content: BufferedIOBase, now: datetime) -> Iterator[Chunk]:
    blocks = _blocks(content)
    first, *others = next(blocks, [""])
    first = first.removeprefix(BYTE_ORDER_MARK)
    if not first.strip():
        is_all = not others and next(blocks, None) is None
        how = "is empty" if is_all else "begins with an empty line"
        raise FileRefused(f"{how}: a header or a JSON object is wanted")
    if first.lstrip().startswith("{"):
        yield from _numbered(chain([[first, *others]], blocks), 1, json_parser(now))
        return
    try:
        header = _cells(first)
        parse = csv_parser(header, now)
    except LineRefused as error:
        raise FileRefused(f"line 1 {error}") from error
    whole = chain([others], blocks)
    yield from _numbered(whole, 2, lambda text: parse(_cells(text)), columns_parser(header, now))


def _blocks(content: BufferedIOBase) -> Iterator[list[str]]:
    """Yield the lines, some at a time; one without end, which would fill the memory, refuses the file."""
    number, rest = 1, b""
    while block := content.read(BLOCK_BYTES):
        whole, line_end, rest = (rest + block).rpartition(b"\n")
        lines = _decoded(whole).split("\n") if line_end else []
        _refuse_longer([*lines, rest], number)
        if lines:
            yield lines
        number += len(lines)
    if rest:
        yield [_decoded(rest)]


def _decoded(block: bytes) -> str:
    # Bytes that are not UTF-8 come through escaped, so that the line they are on can be named.
    return block.decode(errors="surrogateescape").replace("\r\n", "\n").removesuffix("\r")


def _refuse_longer(lines: Sequence[str | bytes], first_number: int) -> None:
    if max(map(len, lines)) < LONGEST_LINE:
        return
    number = next(n for n, line in enumerate(lines, first_number) if len(line) >= LONGEST_LINE)
    raise FileRefused(f"line {number} is longer than {LONGEST_LINE - 1} characters")


def _numbered(
    blocks: Iterator[list[str]],
    first_number: int,
    parse: Callable[[str], Line],
    parse_columns: Callable[[Sequence[str]], Columns | None] | None = None,
) -> Iterator[Chunk]:
    for lines in blocks:
        numbers: Sequence[int] = range(first_number, first_number + len(lines))
        first_number += len(lines)
        if "" in lines:
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line]
            lines = list(filter(None, lines))
        if lines:
            yield Chunk(numbers, lines, parse, parse_columns)


def _cells(line: str) -> list[str]:
    """Return the cells of a line, which ends where it ends, also within a quotation."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise LineRefused(f"is not CSV: {_csv_fault(error)}") from None


def _csv_fault(error: csv.Error) -> str:
    """Return what is wrong in words of the file; Python's advise how to open one."""
    if str(error) == "unexpected end of data":
        return "a quotation is not closed"
    return "it holds a carriage return" if str(error).startswith("new-line character") else str(error)


def _telling(
    chunks: Iterator[Chunk], raw: BufferedReader, on_progress: Callable[[int], None]
) -> Iterator[Chunk]:
    try:
        for chunk in chunks:
            yield chunk
            if raw.seekable():
                on_progress(raw.tell())
    except (OSError, EOFError, zlib.error) as error:  # gzip's own BadGzipFile is an OSError
        why = getattr(error, "strerror", None) or error
        raise FileRefused(f"is damaged or cannot be read: {why}") from error
