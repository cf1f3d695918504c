"""Cursors: where a page ended, of which query. Opaque and signed, so that they hold only what was put there.

A cursor also keeps the stretch of time that the first page resolved: "the last 7 days" and "until now" stay
what they were while the pages are read, and each result is on exactly one of them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing

from metrics.api.errors import BadParameter
from metrics.api.parameters import Stretch


@dataclass(frozen=True, slots=True)
class Cursor:
    """The stretch that the query began with, and the position of the last row of the page before: its time first."""

    stretch: Stretch
    position: tuple[Any, ...]


def write_cursor(address: str, asked: dict[str, Any], cursor: Cursor) -> str:
    """Return the cursor of the query `asked` at `address` as text."""
    at, *rest = cursor.position
    times = [moment.isoformat() for moment in (cursor.stretch.start, cursor.stretch.end, at)]
    return signing.dumps([asked, times, rest], salt=_salt(address), compress=True)


def read_cursor(text: str, address: str, asked: dict[str, Any]) -> Cursor:
    """Return the cursor that `text` is. Raises BadParameter unless it was made for this very query."""
    try:
        of_query, times, rest = signing.loads(text, salt=_salt(address))
    except signing.BadSignature:
        raise BadParameter("cursor", "is not one that was given here; leave it out to begin anew") from None
    if of_query != asked:
        raise BadParameter("cursor", "belongs to a query with other parameters; leave it out to begin anew")
    start, end, at = map(datetime.fromisoformat, times)
    return Cursor(Stretch(start, end), (at, *rest))


def _salt(address: str) -> str:
    return f"hmm.api.{address}"
