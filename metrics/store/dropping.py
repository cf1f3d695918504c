"""Months of slots and hours that are too old go, with the percentiles of those hours."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from hmm.lib.patience import alone_with
from metrics.store.partitions import PARTITIONED

MONTH = re.compile(r"_p(\d{4})(\d{2})$")

MONTHS = """
SELECT parent.relname, child.relname, greatest(child.reltuples, 0)::bigint
FROM pg_inherits JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
WHERE parent.relname = ANY(%s) AND parent.relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, slots=True)
class StoredMonth:
    """A partition: the rows of `parent` that begin in a UTC month, which ends at `end`; about how many they are."""

    end: datetime
    parent: str
    name: str
    rows: int


def months_before(before: datetime) -> list[StoredMonth]:
    """Return the months of slots and hours that end at or before `before`, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS, [list(PARTITIONED)])
        found = [StoredMonth(_end(name), parent, name, rows) for parent, name, rows in cursor.fetchall()]
    return sorted((m for m in found if m.end <= before), key=lambda m: (m.end, m.name))


def drop_months(months: Sequence[StoredMonth]) -> int:
    """Drop these partitions, each in a transaction of its own; return how many. One that is in use stays."""
    return sum(alone_with(month.parent, lambda name=month.name: _drop(name)) for month in months)  # type: ignore[misc]


def _drop(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
    return True


def _end(name: str) -> datetime:
    found = MONTH.search(name)
    if found is None:
        raise ValueError(f"{name} is not the name of a month's partition")
    year, month = int(found[1]), int(found[2])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
