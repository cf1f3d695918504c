"""Monthly partitions of the short periods, made before anything is written to them."""

from datetime import UTC, datetime

from django.db import connection

PARTITIONED = ("metrics_rollup_slot", "metrics_rollup_hourly", "metrics_sketch_hourly")


def ensure_partitions(start: datetime, end: datetime) -> None:
    """Make the monthly partitions that rows in [start, end) need. Harmless where they exist."""
    wanted = {_name(p, m): (p, m) for p in PARTITIONED for m in _months(start, end)}
    with connection.cursor() as cursor:
        for name in sorted(set(wanted) - _existing(cursor, list(wanted))):
            parent, (year, month) = wanted[name]
            cursor.execute(_statement(name, parent, year, month))


def _existing(cursor, names: list[str]) -> set[str]:
    cursor.execute("SELECT n FROM unnest(%s::text[]) n WHERE to_regclass(n) IS NOT NULL", [names])
    return {name for (name,) in cursor.fetchall()}


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
