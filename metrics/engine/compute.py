"""Computes a stretch of time for some miners, in every period that is closed. The caller holds the lock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hmm.lib.buckets import MADE_OF
from metrics.engine.belonging import known_miners
from metrics.engine.farm import Farm
from metrics.engine.grid import Grid
from metrics.engine.merge import merge_fleet, merge_miners
from metrics.engine.pieces import worth_a_scan
from metrics.engine.slots import SlotWindow
from metrics.engine.write_slots import write_slots
from metrics.sketches.write import SHORTEST, write_sketches
from miners.telemetry.packed.reading import unpacked

AN_HOUR = timedelta(hours=1)
"""The hours that a stretch overlaps begin and end no further from it."""


def compute(
    start: datetime,
    end: datetime,
    miner_ids: Sequence[int],
    marks: Mapping[str, datetime],
    grid: Grid,
    farm: Farm,
    now: datetime,
) -> int:
    """Compute these miners' slots in [start, end), and every closed longer period that overlaps it.

    `start` and `end` are slot boundaries; `marks` says for each period up to where its buckets are closed.
    Returns the number of rows written.
    """
    with unpacked([(start - AN_HOUR, end + AN_HOUR)], miner_ids, now):
        return _compute(start, end, miner_ids, marks, grid, farm, now)


def _compute(
    start: datetime,
    end: datetime,
    miner_ids: Sequence[int],
    marks: Mapping[str, datetime],
    grid: Grid,
    farm: Farm,
    now: datetime,
) -> int:
    closed = {p: [b for b in grid.buckets(p, start, end) if b.end <= marks[p]] for p in MADE_OF}
    touched = [b for found in closed.values() for b in found]
    spans = farm.spans(min([start, *(b.start for b in touched)]), max([end, *(b.end for b in touched)]))
    everyone = set(miner_ids) >= set(known_miners(spans))
    whole_days = everyone and worth_a_scan(start, end)
    rows = sum(
        write_slots(SlotWindow(a, b, slot_s, miner_ids, spans, whole_days), now)
        for a, b, slot_s in grid.spans(start, end)
    )
    standing = farm.standing
    rows += merge_fleet("slot", grid.buckets("slot", start, end), spans, standing, grid, now)
    for period, found in closed.items():
        write_sketches(period, found, miner_ids, spans, grid, everyone=everyone)
        rows += merge_miners(period, found, miner_ids, grid, now, everyone=everyone)
        rows += merge_fleet(period, found, spans, standing, grid, now)
    return rows


def close(
    period: str, marks: Mapping[str, datetime], grid: Grid, farm: Farm, now: datetime
) -> tuple[datetime, int]:
    """Merge every bucket of `period` that what it is made of has closed since its mark, for all miners.

    Returns up to where the period is filled now, and the number of rows written.
    """
    filled_to, made_of = marks[period], marks[MADE_OF[period]]
    found = [b for b in grid.buckets(period, filled_to, made_of) if filled_to < b.end <= made_of]
    if not found:
        return filled_to, 0
    spans = farm.spans(found[0].start, found[-1].end)
    miner_ids = known_miners(spans)
    with unpacked([(found[0].start, found[-1].end)] if period == SHORTEST else [], miner_ids, now):
        write_sketches(period, found, miner_ids, spans, grid, everyone=True)
    rows = merge_miners(period, found, miner_ids, grid, now, everyone=True)
    return found[-1].end, rows + merge_fleet(period, found, spans, farm.standing, grid, now)
