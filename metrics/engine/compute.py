"""Computes a stretch of time for some miners, in every period that is closed. The caller holds the lock."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from hmm.lib.buckets import MADE_OF
from metrics.engine.belonging import Span, miner_spans
from metrics.engine.grid import Grid
from metrics.engine.merge import merge_fleet, merge_miners
from metrics.engine.slots import SELECT_SLOTS, SlotWindow, slot_params
from metrics.store.columns import NAMES

INSERT_SLOTS = f"""
INSERT INTO metrics_rollup (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES})
SELECT 'miner', entity_id, 'slot', timestamp, %(now)s, %(slot_s)s, 1, {NAMES} FROM ({SELECT_SLOTS}) slot
"""

DELETE_SLOTS = """
DELETE FROM metrics_rollup WHERE period = 'slot' AND entity_type = 'miner' AND entity_id = ANY(%(miner_ids)s)
  AND timestamp >= %(start)s AND timestamp < %(end)s
"""


def compute(
    start: datetime,
    end: datetime,
    miner_ids: Sequence[int],
    marks: Mapping[str, datetime],
    grid: Grid,
    now: datetime,
) -> int:
    """Compute these miners' slots in [start, end), and every closed longer period that overlaps it.

    `start` and `end` are slot boundaries; `marks` says for each period up to where its buckets are closed.
    Returns the number of rows written.
    """
    spans = miner_spans(grid.zone, start, end)
    rows = sum(
        _slots(SlotWindow(a, b, slot_s, miner_ids, spans), now) for a, b, slot_s in grid.spans(start, end)
    )
    rows += merge_fleet("slot", grid.buckets("slot", start, end), grid, now)
    for period in MADE_OF:
        found = [b for b in grid.buckets(period, start, end) if b.end <= marks[period]]
        rows += merge_miners(period, found, miner_ids, now) + merge_fleet(period, found, grid, now)
    return rows


def _slots(window: SlotWindow, now: datetime) -> int:
    params = slot_params(window) | {"now": now}
    with connection.cursor() as cursor:
        cursor.execute(DELETE_SLOTS, params)
        cursor.execute(INSERT_SLOTS, params)
        return cursor.rowcount


def known_miners(spans: Sequence[Span]) -> list[int]:
    """Return the miners that have a span."""
    return sorted({s.miner_id for s in spans})
