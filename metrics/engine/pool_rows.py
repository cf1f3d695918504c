"""Rows of pools: slots from the checks of pools, longer periods from shorter ones.

Pools are few, so a stretch is always made for all of them. A check belongs to the period that holds the start of its
interval; the seconds that it stands for are split at every boundary.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Min

from hmm.dirty import mark_pools_dirty
from hmm.lib.buckets import MADE_OF, Bucket
from metrics.engine.grid import Grid
from metrics.engine.retained import read_floors
from metrics.store.pool_columns import FROM_CHECKS, MERGED_POOLS, POOL_NAMES
from pools.models import PoolReading

LONGEST_CHECK = timedelta(hours=1)
"""No check stands for longer than this."""

CHECKS = """
SELECT pool_id, n, accepted, rejected, reachable, response_time_ms,
       start_s >= n * {slot_s} AS begins, least(end_s, (n + 1) * {slot_s}) - greatest(start_s, n * {slot_s}) AS sec
FROM (
    SELECT reading.*, generate_series(greatest(start_s, {low_s}) / {slot_s}, (least(end_s, {high_s}) - 1) / {slot_s}) AS n
    FROM (
        SELECT pool_id, accepted, rejected, reachable, response_time_ms,
               extract(epoch FROM timestamp)::bigint AS end_s, extract(epoch FROM timestamp)::bigint - covered_s AS start_s
        FROM pools_poolreading WHERE timestamp > to_timestamp({low_s}) AND timestamp < to_timestamp({high_s} + {longest_s})
    ) reading WHERE start_s < {high_s}
) cut
"""

SLOTS = f"""
SELECT pool_id AS entity_id, to_timestamp(n * {{slot_s}}) AS timestamp, {FROM_CHECKS}
FROM ({CHECKS}) piece GROUP BY pool_id, n
"""

INSERT = f"""
INSERT INTO metrics_rollup (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {POOL_NAMES})
"""

WRITE_SLOTS = f"""{INSERT}
SELECT 'pool', entity_id, 'slot', timestamp, %(now)s, %(slot_s)s, 1, {POOL_NAMES} FROM ({{slots}}) slot
"""

MERGE = f"""{INSERT}
SELECT 'pool', part.entity_id, %(period)s, bucket.start, %(now)s, bucket.length_s, 1, {MERGED_POOLS}
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(lengths_s)s::int[]) AS bucket(start, stop, length_s)
JOIN metrics_rollup part ON part.timestamp >= bucket.start AND part.timestamp < bucket.stop
WHERE part.period = %(child)s AND part.entity_type = 'pool' AND part.timestamp >= %(low)s AND part.timestamp < %(high)s
GROUP BY part.entity_id, bucket.start, bucket.length_s
"""

DELETE = """
DELETE FROM metrics_rollup
WHERE period = %(period)s AND entity_type = 'pool' AND timestamp >= %(low)s AND timestamp < %(high)s
"""


def select_pool_slots(start: datetime, end: datetime, slot_s: int) -> str:
    """Return the query of the pools' slots in [start, end), which begins with one."""
    return SLOTS.format(
        low_s=int(start.timestamp()),
        high_s=int(end.timestamp()),
        slot_s=slot_s,
        longest_s=int(LONGEST_CHECK.total_seconds()),
    )


def compute_pools(
    start: datetime, end: datetime, marks: Mapping[str, datetime], cut: Grid, now: datetime
) -> int:
    """Compute every pool's slots in [start, end), and every closed longer period that overlaps it; return the rows.

    What was made of slots that have been dropped since stays as it is.
    """
    floors = read_floors([], start, now)
    low = max(start, floors.slots or start, floors.zone or start)
    if low >= end:
        return 0
    rows = sum(_write_slots(a, b, slot_s, now) for a, b, slot_s in cut.spans(low, end))
    for period in MADE_OF:
        told = floors.made_anew(period, floors.in_this_zone(cut.buckets(period, low, end)))
        rows += merge_pools(period, [b for b in told if b.end <= marks[period]], now)
    return rows


def merge_pools(period: str, found: Sequence[Bucket], now: datetime) -> int:
    """Make anew every pool's rows of `period` for these adjoining buckets; return how many there are."""
    if not found:
        return 0
    params: dict[str, Any] = {
        "period": period,
        "child": MADE_OF[period],
        "low": found[0].start,
        "high": found[-1].end,
        "now": now,
        "starts": [b.start for b in found],
        "ends": [b.end for b in found],
        "lengths_s": [b.length_s for b in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(DELETE, params)
        cursor.execute(MERGE, params)
        return int(cursor.rowcount)


def _write_slots(start: datetime, end: datetime, slot_s: int, now: datetime) -> int:
    params: dict[str, Any] = {"period": "slot", "low": start, "high": end, "now": now, "slot_s": slot_s}
    with connection.cursor() as cursor:
        cursor.execute(DELETE, params)
        cursor.execute(WRITE_SLOTS.format(slots=select_pool_slots(start, end, slot_s)), params)
        return int(cursor.rowcount)


def mark_pool_past(start: datetime, end: datetime, closed: datetime) -> None:
    """Have the pools' figures of [start, end) computed anew, as far as there are checks and slots are closed."""
    found = PoolReading.objects.filter(timestamp__gt=start, timestamp__lt=end + LONGEST_CHECK).order_by()
    first = found.aggregate(first=Min("timestamp"))["first"]
    if first is not None:
        pool_ids = set(found.values_list("pool_id", flat=True).distinct())
        mark_pools_dirty(pool_ids, max(start, first - LONGEST_CHECK), min(end, closed))
