"""The sums of pools that a stretch of time is made of: from the store, and what is not over from the checks."""

from collections.abc import Iterable
from datetime import datetime

from metrics.engine.pool_rows import select_pool_slots
from metrics.engine.state import State
from metrics.query.cover import Segment
from metrics.store.pool_columns import MERGED_POOLS, POOL_NAMES

STORED = f"""
SELECT entity_id, timestamp, {POOL_NAMES} FROM metrics_rollup
WHERE entity_type = 'pool' AND period = '{{period}}' AND timestamp >= '{{start}}' AND timestamp < '{{end}}'
"""

MERGE = f"SELECT part.entity_id, {{number}} AS n, 1 AS miner_count, {MERGED_POOLS} FROM part{{only}} GROUP BY part.entity_id, n"


def merge_sql(number: str, entity_id: int | None) -> str:
    """Return the query that merges the parts, each in the stretch that the SQL `number` says, of one pool or all."""
    only = "" if entity_id is None else f" WHERE part.entity_id = {int(entity_id)}"
    return MERGE.format(number=number, only=only)


def pool_parts(
    segments: Iterable[Segment], start: datetime, end: datetime, state: State, now: datetime
) -> list[str]:
    """Return the queries of the pools' sums: these segments of the store, and of [start, end) what it has not yet."""
    stored = [
        STORED.format(period=s.period, start=s.start.isoformat(), end=s.end.isoformat()) for s in segments
    ]
    since = max(start, state.marks.get("slot", start))
    if since >= end:
        return stored
    live = select_pool_slots(since, end, state.cut.slot_s(now))
    return [*stored, f"SELECT entity_id, timestamp, {POOL_NAMES} FROM ({live}) slot"]
