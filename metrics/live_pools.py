"""Pools in the open period: what is stored of it, and the rest straight from their checks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.pool_rows import select_pool_slots
from metrics.store.pool_columns import MERGED_POOLS, POOL_NAMES

STORED = f"""
SELECT entity_id, timestamp, {POOL_NAMES} FROM metrics_rollup
WHERE period = '{{}}' AND entity_type = 'pool' AND timestamp >= '{{}}' AND timestamp < '{{}}' UNION ALL
"""

SELECT = f"""
WITH part AS ({{stored}} SELECT entity_id, timestamp, {POOL_NAMES} FROM ({{live}}) slot),
     r AS (SELECT 'pool'::text AS entity_type, part.entity_id, %(elapsed_s)s::int AS elapsed_s, 1 AS miner_count,
                  {MERGED_POOLS} FROM part GROUP BY part.entity_id)
SELECT r.entity_type, r.entity_id, {{projections}} FROM r
WHERE %(entity_id)s::int IS NULL OR r.entity_id = %(entity_id)s ORDER BY r.entity_id
"""


def live_pool_rows(
    projections: Sequence[str],
    parts: Sequence[tuple[str, datetime, datetime]],
    stretch: Bucket,
    slot_s: int,
    entity_id: int | None,
) -> list[tuple[Any, ...]]:
    """Return (entity type, id, one value for each projection) of each pool in `stretch`, which ends now. One query.

    `parts` are (period, start, end) of what the store has of it.
    """
    lower = parts[-1][2] if parts else stretch.start
    stored = "".join(STORED.format(period, a.isoformat(), b.isoformat()) for period, a, b in parts)
    live = select_pool_slots(lower, stretch.end, slot_s)
    sql = SELECT.format(stored=stored, live=live, projections=", ".join(projections))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"elapsed_s": stretch.length_s, "entity_id": entity_id})
        return cursor.fetchall()
