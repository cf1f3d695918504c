"""Days that are too old go, and what is remembered of them: from when until when there was telemetry.

By then they are packed; where telemetry is a hypertable, they are chunks.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from miners.models import PackedTelemetry
from miners.telemetry.hypertable import chunk_days, drop_chunks_before
from miners.telemetry.packed.store import hold_packing, midnight
from miners.telemetry.partitions import is_partitioned

REMEMBERED = """
remembered AS (
    INSERT INTO telemetry_dropped (miner_id, start, "end")
    SELECT g.miner_id, date_trunc('day', g.begins_at, 'UTC'), (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
    FROM gone g JOIN miners_miner m ON m.id = g.miner_id
    ON CONFLICT (miner_id) DO UPDATE SET start = least(telemetry_dropped.start, excluded.start),
                                         "end" = greatest(telemetry_dropped."end", excluded."end")
)
SELECT coalesce(sum(rows), 0) FROM gone
"""

DROP = f"""
WITH gone AS (DELETE FROM telemetry_packed WHERE day = %(day)s RETURNING miner_id, begins_at, rows), {REMEMBERED}
"""

IN_A_CHUNK = f"""
WITH gone AS (
    SELECT miner_id, min(timestamp - make_interval(secs => covered_s)) AS begins_at, count(*) AS rows
    FROM telemetry WHERE timestamp >= %(start)s AND timestamp < %(end)s GROUP BY miner_id
), {REMEMBERED}
"""

DROPPED = """
SELECT given.n - 1, d."end" FROM unnest(%(miner_ids)s::int[], %(times)s::timestamptz[]) WITH ORDINALITY AS given (miner_id, at, n)
JOIN telemetry_dropped d ON d.miner_id = given.miner_id AND given.at >= d.start AND given.at < d."end"
"""


def days_before(before: date) -> list[date]:
    """Return the packed days, or those of chunks, before the UTC day `before`, oldest first."""
    days = PackedTelemetry.objects.filter(day__lt=before).values_list("day", flat=True)
    return sorted({*days.distinct(), *chunk_days(before)})


def rows_before(before: date) -> int:
    """Return how many rows are in packed days, or in chunks, before the UTC day `before`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(rows), 0) FROM telemetry_packed WHERE day < %s", [before])
        packed = int(cursor.fetchone()[0])
        if is_partitioned():
            return packed
        cursor.execute("SELECT count(*) FROM telemetry WHERE timestamp < %s", [midnight(before)])
        return packed + int(cursor.fetchone()[0])


def drop_day(day: date) -> int:
    """Delete the packed rows of a UTC day, or its chunk, in one transaction, and remember whose they were.

    Returns the rows. Days go in their order, the oldest first.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        hold_packing()
        cursor.execute(DROP, {"day": day})
        rows = int(cursor.fetchone()[0])
        return rows if is_partitioned() else rows + _drop_chunk(cursor, day)


def _drop_chunk(cursor: CursorWrapper, day: date) -> int:
    start, end = midnight(day), midnight(day + timedelta(days=1))
    cursor.execute(IN_A_CHUNK, {"day": day, "start": start, "end": end})
    rows = int(cursor.fetchone()[0])
    drop_chunks_before(end)
    return rows


def dropped_among(rows: Sequence[tuple[int, datetime]]) -> dict[int, datetime]:
    """Return which of `rows` (miner, time), by their position, lie where telemetry was dropped, and up to when that is."""
    params: dict[str, Any] = {"miner_ids": [m for m, _ in rows], "times": [at for _, at in rows]}
    with connection.cursor() as cursor:
        cursor.execute(DROPPED, params)
        return dict(cursor.fetchall())


def dropped_reason(until: datetime) -> str:
    """Return why a row from before `until` is refused."""
    return f"the telemetry of that day has been dropped: what this miner told before {until:%Y-%m-%d} is no longer kept in detail"
