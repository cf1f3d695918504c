"""Monthly partitions of the short periods, made before anything is written to them."""

from datetime import UTC, datetime

from django.db import connection

PARTITIONED = ("slot", "hourly")


def ensure_partitions(start: datetime, end: datetime) -> None:
    """Make the monthly partitions that rows in [start, end) need. Harmless where they exist."""
    wanted = {_name(p, m): (p, m) for p in PARTITIONED for m in _months(start, end)}
    with connection.cursor() as cursor:
        for name in sorted(set(wanted) - _existing(cursor, list(wanted))):
            period, (year, month) = wanted[name]
            cursor.execute(_statement(name, period, year, month))


def _existing(cursor, names: list[str]) -> set[str]:
    cursor.execute("SELECT n FROM unnest(%s::text[]) n WHERE to_regclass(n) IS NOT NULL", [names])
    return {name for (name,) in cursor.fetchall()}


def _statement(name: str, period: str, year: int, month: int) -> str:
    # Attached rather than created in place: that takes no lock which readers would wait for.
    start, end = (
        datetime(year, month, 1, tzinfo=UTC),
        datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC),
    )
    parent = f"metrics_rollup_{period}"
    return f"""
        CREATE TABLE IF NOT EXISTS {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
        ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"""


def _name(period: str, month: tuple[int, int]) -> str:
    return f"metrics_rollup_{period}_p{month[0]:04d}{month[1]:02d}"


def _months(start: datetime, end: datetime) -> list[tuple[int, int]]:
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [(n // 12, n % 12 + 1) for n in numbers]
