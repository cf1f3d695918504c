"""Packed days that are too old go, and what is remembered of them: from when until when there was telemetry."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from miners.models import PackedTelemetry
from miners.telemetry.packed.store import hold_packing

DROP = """
WITH gone AS (DELETE FROM telemetry_packed WHERE day = %(day)s RETURNING miner_id, begins_at, rows),
     remembered AS (
        INSERT INTO telemetry_dropped (miner_id, start, "end")
        SELECT g.miner_id, date_trunc('day', g.begins_at, 'UTC'), (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
        FROM gone g JOIN miners_miner m ON m.id = g.miner_id
        ON CONFLICT (miner_id) DO UPDATE SET start = least(telemetry_dropped.start, excluded.start),
                                             "end" = greatest(telemetry_dropped."end", excluded."end")
     )
SELECT coalesce(sum(rows), 0) FROM gone
"""

DROPPED = """
SELECT given.n - 1, d."end" FROM unnest(%(miner_ids)s::int[], %(times)s::timestamptz[]) WITH ORDINALITY AS given (miner_id, at, n)
JOIN telemetry_dropped d ON d.miner_id = given.miner_id AND given.at >= d.start AND given.at < d."end"
"""


def days_before(before: date) -> list[date]:
    """Return the packed days before the UTC day `before`, oldest first."""
    days = PackedTelemetry.objects.filter(day__lt=before).order_by("day").values_list("day", flat=True)
    return list(days.distinct())


def rows_before(before: date) -> int:
    """Return how many rows are in packed days before the UTC day `before`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(rows), 0) FROM telemetry_packed WHERE day < %s", [before])
        return int(cursor.fetchone()[0])


def drop_day(day: date) -> int:
    """Delete the packed rows of a UTC day, in one transaction, and remember whose they were. Returns the rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        hold_packing()
        cursor.execute(DROP, {"day": day})
        return int(cursor.fetchone()[0])


def dropped_among(rows: Sequence[tuple[int, datetime]]) -> dict[int, datetime]:
    """Return which of `rows` (miner, time), by their position, lie where telemetry was dropped, and up to when that is."""
    params: dict[str, Any] = {"miner_ids": [m for m, _ in rows], "times": [at for _, at in rows]}
    with connection.cursor() as cursor:
        cursor.execute(DROPPED, params)
        return dict(cursor.fetchall())


def dropped_reason(until: datetime) -> str:
    """Return why a row from before `until` is refused."""
    return f"the telemetry of that day has been dropped: what this miner told before {until:%Y-%m-%d} is no longer kept in detail"
