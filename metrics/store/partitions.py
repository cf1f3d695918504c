"""Monthly partitions of the short periods, made before anything is written to them."""

import json
from collections.abc import Container
from datetime import UTC, datetime
from itertools import product

from django.db import connection

PARTITIONED = ("metrics_rollup_slot", "metrics_rollup_hourly", "metrics_sketch_hourly")


EXISTING = f"""
SELECT jsonb_agg(part.relname) FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
WHERE inhparent = ANY('{{{",".join(PARTITIONED)}}}'::regclass[])
"""
"""The names of all that there are."""


def ensure_partitions(start: datetime, end: datetime, existing: Container[str] | None = None) -> None:
    """Make the monthly partitions that rows in [start, end) need. Harmless where they exist.

    `existing` has the names of those that there are, for whoever has read EXISTING anyway.
    """
    with connection.cursor() as cursor:
        if existing is None:
            cursor.execute(f"SELECT ({EXISTING})")
            existing = json.loads(cursor.fetchone()[0] or "[]")
        for parent, (year, month) in product(PARTITIONED, _months(start, end)):
            name = _name(parent, (year, month))
            if name not in existing:
                cursor.execute(_statement(name, parent, year, month))


def _statement(name: str, parent: str, year: int, month: int) -> str:
    # Attached rather than created in place: that takes no lock which readers would wait for.
    start, end = (
        datetime(year, month, 1, tzinfo=UTC),
        datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC),
    )
    return f"""
        CREATE TABLE IF NOT EXISTS {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
        ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"""


def _name(parent: str, month: tuple[int, int]) -> str:
    return f"{parent}_p{month[0]:04d}{month[1]:02d}"


def _months(start: datetime, end: datetime) -> list[tuple[int, int]]:
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [(n // 12, n % 12 + 1) for n in numbers]
