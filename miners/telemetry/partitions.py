"""Telemetry's partitions, one a UTC day: made a week ahead, and on demand before a write.

A partition is created on its own and then attached, since that only holds off other makers of
partitions: `CREATE TABLE … PARTITION OF` would lock out every reader and writer of telemetry. On a
TimescaleDB hypertable, which makes its own chunks, there is nothing to do.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

LOCK_KEY = 0x686D6D01
"""The advisory lock under which one session at a time makes partitions of telemetry."""

_known: dict[str, set[date]] = {}
"""Per database, the days that are known to have a partition: committed ones only."""


def ensure_partitions(start: datetime, end: datetime) -> list[date]:
    """Make sure that every instant of [start, end) has a partition. Returns the UTC days made."""
    first = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    return ensure_days(first + timedelta(days=n) for n in range((last - first).days + 1))


def ensure_days(days: Iterable[date]) -> list[date]:
    """Make sure that each of these UTC days has a partition. Returns the days made.

    Outside a transaction it commits at once, so that a long write does not hold off other makers.
    """
    wanted = set(days) - _known.get(_database(), set())
    if not wanted:
        return []
    with transaction.atomic():
        made = _make_missing(wanted)
        # Only what has been committed may be remembered: a rolled back partition is not there.
        transaction.on_commit(lambda: _remember(wanted))
    return made


def forget_known_days() -> None:
    """Look again at what partitions there are, as after one was dropped."""
    _known.clear()


def partition_name(day: date) -> str:
    """Return the name of the table that holds the telemetry of the UTC `day`."""
    return f"telemetry_p{day:%Y%m%d}"


def _make_missing(wanted: set[date]) -> list[date]:
    with connection.cursor() as cursor:
        missing = _missing(cursor, wanted)
        if not missing:
            return []
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        missing = _missing(cursor, wanted)  # another session may have made them while this one waited
        for day in missing:
            _make(cursor, day)
    return missing


MISSING = """
SELECT day FROM unnest(%s::date[], %s::name[]) AS wanted (day, partition)
WHERE (SELECT relkind = 'p' FROM pg_class WHERE oid = 'telemetry'::regclass)
  AND NOT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'telemetry'::regclass AND relname = wanted.partition
  )
ORDER BY day
"""


def _missing(cursor: Any, wanted: set[date]) -> list[date]:
    days = sorted(wanted)
    cursor.execute(MISSING, [days, [partition_name(day) for day in days]])
    return [day for (day,) in cursor.fetchall()]


def _make(cursor: Any, day: date) -> None:
    name = partition_name(day)
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    cursor.execute(
        f"ALTER TABLE telemetry ATTACH PARTITION {name} "
        f"FOR VALUES FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
    )


def _remember(days: set[date]) -> None:
    _known.setdefault(_database(), set()).update(days)


def _database() -> str:
    settings = connection.settings_dict
    return f"{settings.get('HOST')}:{settings.get('PORT')}/{settings['NAME']}"
