"""Temporary tables, for what parallel workers shall select: PostgreSQL gives a SELECT those, and an INSERT none."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.backends.utils import CursorWrapper


@contextmanager
def staged(cursor: CursorWrapper, select: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Give the name of a table of what `select` selects, which is gone afterwards. Not to be nested."""
    cursor.execute(f"CREATE TEMPORARY TABLE staged ON COMMIT DROP AS {select}", params)
    yield "staged"
    cursor.execute("DROP TABLE staged")
