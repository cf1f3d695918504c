"""The hours of system_metrics: partitions made ahead and dropped by age, without keeping writers waiting.

On a TimescaleDB hypertable, which makes its own chunks, only the dropping is to do.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from hmm.lib.locks import lock_number
from hmm.lib.timescale import is_hypertable

HOUR = timedelta(hours=1)
AHEAD = timedelta(hours=24)


def partition_name(hour: datetime) -> str:
    """Return the name of the table that holds the system metrics of the UTC hour `hour`."""
    return f"system_metrics_p{hour.astimezone(UTC):%Y%m%d%H}"


def hours_between(start: datetime, end: datetime) -> list[datetime]:
    """Return the beginnings of the UTC hours that [start, end) touches."""
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    count = -((first - end) // HOUR)
    return [first + n * HOUR for n in range(count)]


MISSING = """
SELECT hour FROM unnest(%s::timestamptz[], %s::text[]) AS wanted (hour, partition)
WHERE (SELECT relkind = 'p' FROM pg_class WHERE oid = 'system_metrics'::regclass)
  AND NOT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'system_metrics'::regclass AND relname = wanted.partition
  )
ORDER BY hour
"""


def ensure_hours(cursor: Any, hours: Iterable[datetime]) -> int:
    """Make the partitions of these UTC hours that are missing; return how many. Belongs in a transaction."""
    wanted = sorted(hours)
    if not _missing(cursor, wanted):
        return 0
    await_makers(cursor)
    missing = _missing(cursor, wanted)  # another session may have made them meanwhile
    for hour in missing:
        _make(cursor, hour)
    return len(missing)


def await_makers(cursor: Any) -> None:
    """Wait until whoever makes partitions is through, and be the only one to until this transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number("system_metrics partitions")])


def _missing(cursor: Any, wanted: list[datetime]) -> list[datetime]:
    cursor.execute(MISSING, [wanted, [partition_name(hour) for hour in wanted]])
    return [hour for (hour,) in cursor.fetchall()]


def _make(cursor: Any, hour: datetime) -> None:
    # Attached rather than created in place: that takes no lock which writers would wait for.
    name, start = partition_name(hour), hour.astimezone(UTC)
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (LIKE system_metrics INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    cursor.execute(
        f"ALTER TABLE system_metrics ATTACH PARTITION {name} "
        f"FOR VALUES FROM ('{start.isoformat()}') TO ('{(start + HOUR).isoformat()}')"
    )


PARTITIONS = """
SELECT relname, inhdetachpending FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'system_metrics'::regclass AND relname < %s ORDER BY relname
"""


def drop_before(cutoff: datetime) -> int:
    """Drop the hours that end at or before `cutoff`; return how many. Must not be in a transaction.

    A partition is detached concurrently first, as dropping it in place would hold off every writer. What
    was interrupted between the two is finished by the next run.
    """
    with connection.cursor() as cursor:
        if is_hypertable(cursor, "system_metrics"):
            cursor.execute("SELECT count(*) FROM drop_chunks('system_metrics', %s::timestamptz)", [cutoff])
            return int(cursor.fetchone()[0])
        first_kept = partition_name(cutoff.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
        cursor.execute(PARTITIONS, [first_kept])
        for name, pending in cursor.fetchall():
            _detach(cursor, name, pending)
        return _drop_detached(cursor, first_kept)


def _detach(cursor: Any, name: str, pending: bool) -> None:
    how = "FINALIZE" if pending else "CONCURRENTLY"
    cursor.execute(f"ALTER TABLE system_metrics DETACH PARTITION {name} {how}")


LEFT_OVER = r"""
SELECT relname FROM pg_class
WHERE relkind = 'r' AND NOT relispartition AND relname ~ '^system_metrics_p\d{10}$' AND relname < %s
  AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'system_metrics'::regclass)
"""


def _drop_detached(cursor: Any, first_kept: str) -> int:
    cursor.execute(LEFT_OVER, [first_kept])
    names = [name for (name,) in cursor.fetchall()]
    for name in names:
        cursor.execute(f"DROP TABLE {name}")
    return len(names)
