"""A request's bytes as rows: inflated and parsed within bounds. Pure; every refusal says what is wrong."""

import json
import zlib
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_INFLATED_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000

LINE_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
TYPES = ("application/json", *LINE_TYPES)
GZIP = 16 + zlib.MAX_WBITS


class BodyRefused(ValueError):
    """A body that is refused whole, and why; `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GivenRow(NamedTuple):
    """A row as it came: its number (from 1; of a line-delimited body the number of its line), and what it says.

    `problem` says why it is none, where it is not even a JSON object.
    """

    number: int
    values: Any
    problem: str = ""


class _Twice(dict[str, Any]):
    """An object that has a key twice."""


def read_rows(body: bytes, content_type: str, encoding: str) -> list[GivenRow]:
    """Return the rows of `body`, of which at most MAX_BODY_BYTES + 1 bytes were read. Raises BodyRefused."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise BodyRefused(415, f"Content-Type must be {TYPES[0]} or {TYPES[1]}, not {kind[:40]!r}")
    if len(body) > MAX_BODY_BYTES:
        raise BodyRefused(413, f"the body has more than {MAX_BODY_BYTES:,} bytes; send fewer rows at once")
    text = _inflate(body, encoding.strip().lower())
    return _lines(text) if kind in LINE_TYPES else _document(text)


def _inflate(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BodyRefused(415, f"Content-Encoding must be gzip, or left out, not {encoding[:40]!r}")
    inflater = zlib.decompressobj(GZIP)
    try:
        text = inflater.decompress(body, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise BodyRefused(422, f"the body is not gzip: {error}") from None
    if len(text) > MAX_INFLATED_BYTES:
        raise BodyRefused(413, f"the body inflates to more than {MAX_INFLATED_BYTES:,} bytes")
    if not inflater.eof or inflater.unused_data:
        raise BodyRefused(422, "the body is not one whole gzip stream")
    return text


def _lines(text: bytes) -> list[GivenRow]:
    filled = ((number, line) for number, line in enumerate(BytesIO(text), 1) if line.strip())
    rows = [_line(number, line) for number, line in islice(filled, MAX_ROWS + 1)]
    _check_number(len(rows))
    return rows


def _check_number(rows: int) -> None:
    if rows > MAX_ROWS:
        raise BodyRefused(413, f"there are more than {MAX_ROWS:,} rows; send fewer at once")


def _line(number: int, line: bytes) -> GivenRow:
    try:
        return _row(number, _parse(line))
    except ValueError as error:
        return GivenRow(number, line.decode(errors="backslashreplace"), f"is not JSON: {error}")


def _document(text: bytes) -> list[GivenRow]:
    try:
        found = _parse(text)
    except ValueError as error:
        raise BodyRefused(422, f"the body is not JSON: {error}") from None
    if not isinstance(found, list):
        found = [found]
    _check_number(len(found))
    return [_row(number, values) for number, values in enumerate(found, 1)]


def _row(number: int, values: Any) -> GivenRow:
    if not isinstance(values, dict):
        return GivenRow(number, values, "is not a JSON object")
    return GivenRow(number, values, "has a key twice" if isinstance(values, _Twice) else "")


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(found)
