"""Moves telemetry between native partitions and a hypertable: copied day by day, compared, and only then exchanged.

What is packed is unpacked before it goes into a hypertable, which compresses by itself.

All of it is one transaction: whenever it ends before its end, everything is as it was. Until then telemetry can be
read and not written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from miners.models import PackedTelemetry
from miners.telemetry.by_time import by_time_sql, index_name
from miners.telemetry.hypertable import Kind, compress_before, make_hypertable, storage_kind
from miners.telemetry.packed.job import first_plain_day
from miners.telemetry.packed.store import hold_packing, hold_unpacking, midnight, unpack
from miners.telemetry.partitions import ensure_days, forget_known_days, partitions_for

NEW = "telemetry_new"
COLUMNS = "miner_id, covered_s, timestamp, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected"
A_DAY = timedelta(days=1)


class MoveRefused(RuntimeError):
    """The move was not made; the message says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: rows, and a sum over all that they say, whatever their order."""

    rows: int
    checksum: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """What was moved, or would be."""

    days: int
    content: Content
    packed: int = 0


# A row as text is exact: PostgreSQL writes a double with as many digits as it takes to read it back.
CONTENT = f"""
SELECT count(*), coalesce(sum(hashtextextended(ROW({COLUMNS})::text, 0)), 0)
FROM {{table}} WHERE timestamp >= %s AND timestamp < %s
"""

# Day by day from each to the next, since a DISTINCT would read every row.
DAYS = """
WITH RECURSIVE days AS (
    SELECT (min(timestamp) AT TIME ZONE 'UTC')::date AS day FROM telemetry
    UNION ALL
    SELECT (SELECT (min(t.timestamp) AT TIME ZONE 'UTC')::date FROM telemetry t
            WHERE t.timestamp >= (days.day + 1)::timestamp AT TIME ZONE 'UTC')
    FROM days WHERE days.day IS NOT NULL
) SELECT day FROM days WHERE day IS NOT NULL ORDER BY day
"""


def list_days() -> list[date]:
    """Return the UTC days of which there is telemetry, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS)
        return [day for (day,) in cursor.fetchall()]


def content_of(table: str, day: date) -> Content:
    """Return what `table` holds of a UTC day."""
    with connection.cursor() as cursor:
        cursor.execute(CONTENT.format(table=table), [midnight(day), midnight(day + A_DAY)])
        return Content(*cursor.fetchone())


def survey(progress: Callable[[int, int], None]) -> Report:
    """Return what a move would move, and change nothing. `progress` is told the days done and in all."""
    plain = _add_up([content_of("telemetry", day) for day in _each(list_days(), progress)])
    packed = PackedTelemetry.objects.aggregate(rows=Coalesce(Sum("rows"), 0))["rows"]
    content = replace(plain.content, rows=plain.content.rows + packed)
    return replace(plain, content=content, packed=packed)


def move(to: Kind, now: datetime, detail_days: int, progress: Callable[[int, int], None]) -> Report:
    """Store telemetry the other way, with everything that is there; return what was moved.

    Days that are over since `detail_days` are compressed in a hypertable. Raises MoveRefused where it is stored so
    already, or what was copied is not what was there.
    """
    with transaction.atomic():
        if storage_kind() == to:
            raise MoveRefused(f"telemetry is stored as {to} already")
        hold_packing()
        hold_unpacking()
        packed = _unpack_all() if to == "timescaledb" else 0
        _hold_off_writers()
        days = list_days()
        _make_table(to, days)
        contents = [_copy(day) for day in _each(days, progress)]
        _exchange()
        if to == "timescaledb":
            _compress(now, detail_days)
        transaction.on_commit(forget_known_days)
    return replace(_add_up(contents), packed=packed)


def _unpack_all() -> int:
    days = list(PackedTelemetry.objects.values_list("miner_id", "day").order_by("day", "miner_id"))
    ensure_days({day for _, day in days})
    return unpack(days) if days else 0


def _hold_off_writers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE telemetry IN SHARE ROW EXCLUSIVE MODE")


def _make_table(to: Kind, days: Sequence[date]) -> None:
    like = f"CREATE TABLE {NEW} (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (miner_id, timestamp))"
    with connection.cursor() as cursor:
        cursor.execute(like if to == "timescaledb" else f"{like} PARTITION BY RANGE (timestamp)")
        if to == "timescaledb":
            make_hypertable(cursor, NEW)
        cursor.execute(by_time_sql(NEW))
        for partition in partitions_for(days, []) if to == "native" else []:
            cursor.execute(
                f"CREATE TABLE {partition.name} PARTITION OF {NEW} "
                f"FOR VALUES FROM ('{partition.start} 00:00+00') TO ('{partition.end} 00:00+00')"
            )


def _copy(day: date) -> Content:
    start, end = midnight(day), midnight(day + A_DAY)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {NEW} ({COLUMNS}) SELECT {COLUMNS} FROM telemetry "
            "WHERE timestamp >= %s AND timestamp < %s ORDER BY miner_id, timestamp",
            [start, end],
        )
    before, after = content_of("telemetry", day), content_of(NEW, day)
    if before != after:
        raise MoveRefused(f"of {day} there are {before}, and {after} was copied; nothing was changed")
    return after


def _exchange() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE telemetry")
        cursor.execute(f"ALTER TABLE {NEW} RENAME TO telemetry")
        cursor.execute(f"ALTER INDEX {NEW}_pkey RENAME TO telemetry_pkey")
        cursor.execute(f"ALTER INDEX {index_name(NEW)} RENAME TO {index_name('telemetry')}")


def _compress(now: datetime, detail_days: int) -> None:
    for _ in compress_before(midnight(first_plain_day(now, detail_days))):
        pass


def _each(days: list[date], progress: Callable[[int, int], None]) -> Any:
    progress(0, len(days))
    for done, day in enumerate(days, 1):
        yield day
        progress(done, len(days))


def _add_up(contents: list[Content]) -> Report:
    total = Content(sum(c.rows for c in contents), sum((c.checksum for c in contents), Decimal(0)))
    return Report(len(contents), total)
