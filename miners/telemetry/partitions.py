"""Telemetry's partitions, one a UTC day: made a week ahead, and on demand before a write.

A partition is created on its own and then attached, since that only holds off other makers of
partitions: `CREATE TABLE … PARTITION OF` would lock out every reader and writer of telemetry. On a
TimescaleDB hypertable, which makes its own chunks, there is nothing to do.

Dropping one must lock telemetry for a moment. `hmm.lib.patience` has nobody wait for that (docs/adr/0007).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, connection, transaction

from hmm.lib.patience import alone_with
from hmm.lib.sqlstates import CHECK_VIOLATION, UNDEFINED_TABLE, sqlstate_of

LOCK_KEY = 0x686D6D01
"""The advisory lock under which one session at a time makes partitions of telemetry."""

DAYS_AT_ONCE = 31
"""So many days of a write, the newest, get a partition each; the days before share one a calendar year."""

A_DAY = timedelta(days=1)
T = TypeVar("T")

_known: dict[str, set[date]] = {}
"""Per database, the days that are known to have a partition: committed ones only, and none that may be dropped."""


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """The table `name`, which holds the telemetry of the UTC days from `start` to the one before `end`."""

    start: date
    end: date
    name: str

    @classmethod
    def of(cls, start: date, end: date) -> "Partition":
        """Return the partition of these days, by the name that it has or would have."""
        one_day = end == start + A_DAY
        return cls(start, end, partition_name(start) if one_day else f"{partition_name(start)}_{end:%Y%m%d}")


def ensure_partitions(start: datetime, end: datetime) -> list[date]:
    """Make sure that every instant of [start, end) has a partition. Returns the UTC days for which one was made."""
    first = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    return ensure_days(first + timedelta(days=n) for n in range((last - first).days + 1))


def ensure_days(days: Iterable[date]) -> list[date]:
    """Make sure that each of these UTC days has a partition. Returns those for which one was made.

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


def seeing_partitions(work: Callable[[], T]) -> T:
    """Return what `work` does, which writes telemetry in transactions of its own; try it on another connection, too.

    One that reads what telemetry consists of in the very moment in which somebody attaches a partition may miss that, and
    does not look again until there is a further one.
    """
    try:
        return work()
    except IntegrityError as error:
        if sqlstate_of(error) != CHECK_VIOLATION or connection.in_atomic_block:
            raise
    if connection.connection is not None:
        connection.connection.close()  # or a pool would lend it again
    connection.close()
    return work()


def keep_partitions() -> None:
    """Have no partition dropped until the running transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE ONLY telemetry IN ROW EXCLUSIVE MODE")


def forget_known_days() -> None:
    """Look again at what partitions there are."""
    _known.clear()


def partition_name(day: date) -> str:
    """Return the name of the table that holds the telemetry of the UTC `day`, where that has one of its own."""
    return f"telemetry_p{day:%Y%m%d}"


PARTITIONS = """
SELECT (bounds[1]::timestamptz AT TIME ZONE 'UTC')::date, (bounds[2]::timestamptz AT TIME ZONE 'UTC')::date, relname
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
CROSS JOIN LATERAL regexp_match(pg_get_expr(relpartbound, pg_class.oid), '''(.*)''.*''(.*)''') AS bounds
WHERE inhparent = 'telemetry'::regclass AND bounds IS NOT NULL  -- of one that is being dropped there are none
  AND (SELECT relkind = 'p' FROM pg_class WHERE oid = 'telemetry'::regclass)
ORDER BY 1
"""


def list_partitions() -> list[Partition]:
    """Return telemetry's partitions, oldest first; none where it is a hypertable."""
    with connection.cursor() as cursor:
        return _existing(cursor)


def is_partitioned() -> bool:
    """Return whether telemetry has partitions, rather than being a hypertable."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'telemetry'::regclass")
        return bool(cursor.fetchone()[0])


def drop_if_empty(partition: Partition, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Drop `partition` unless it has rows. Returns False where it has, or where the lock was never to be had.

    Call it outside a transaction. Writers and readers wait for it some milliseconds at most.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {partition.name}")  # so that looking for rows is quick while others wait
        return alone_with("telemetry", lambda: _drop_now(partition), sleep)
    except DatabaseError as error:
        if sqlstate_of(error) == UNDEFINED_TABLE:  # somebody else has dropped it
            return True
        raise


def _drop_now(partition: Partition) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {partition.name})")
        if cursor.fetchone()[0]:
            return False
        cursor.execute(f"DROP TABLE {partition.name}")
    return True


def _make_missing(wanted: set[date]) -> list[date]:
    with connection.cursor() as cursor:
        if not _missing(wanted, _existing(cursor)) or not is_partitioned():
            return []
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        existing = _existing(cursor)  # another session may have made them while this one waited
        missing = _missing(wanted, existing)
        for partition in partitions_for(missing, existing):
            _make(cursor, partition)
    return missing


def _existing(cursor: Any) -> list[Partition]:
    cursor.execute(PARTITIONS)
    return [Partition(*row) for row in cursor.fetchall()]


def _missing(wanted: Iterable[date], existing: Sequence[Partition]) -> list[date]:
    held = {p.start + timedelta(days=n) for p in existing for n in range((p.end - p.start).days)}
    return sorted(set(wanted) - held)


def partitions_for(missing: Sequence[date], existing: Sequence[Partition]) -> list[Partition]:
    """Return the partitions to make for the `missing` days, in order, none of which overlaps one there is.

    A file of years must not leave a thousand of them, so that all but the newest days share those of their year.
    """
    newest = missing[-DAYS_AT_ONCE:]
    shared = missing[: -len(newest)] if newest else []

    def place(day: date) -> tuple[int, int]:
        return day.year, sum(p.start <= day for p in existing)

    runs = [list(run) for _, run in groupby(shared, place)]
    return [
        *(Partition.of(run[0], run[-1] + A_DAY) for run in runs),
        *(Partition.of(d, d + A_DAY) for d in newest),
    ]


def _make(cursor: Any, partition: Partition) -> None:
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {partition.name} (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    cursor.execute(
        f"ALTER TABLE telemetry ATTACH PARTITION {partition.name} "
        f"FOR VALUES FROM ('{partition.start} 00:00+00') TO ('{partition.end} 00:00+00')"
    )


def _remember(days: set[date]) -> None:
    # Retention drops no day as young as these; any other may be gone by the next write.
    yesterday = datetime.now(UTC).date() - A_DAY
    _known.setdefault(_database(), set()).update(day for day in days if day >= yesterday)


def _database() -> str:
    settings = connection.settings_dict
    return f"{settings.get('HOST')}:{settings.get('PORT')}/{settings['NAME']}"
