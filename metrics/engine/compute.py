"""Computes a stretch of time for some miners, in every period that is closed. The caller holds the lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hmm.lib.buckets import MADE_OF, Bucket
from metrics.engine.belonging import Span, known_miners
from metrics.engine.farm import Farm
from metrics.engine.grid import Grid
from metrics.engine.merge import merge_fleet, merge_longer, merge_miners
from metrics.engine.pieces import worth_a_scan, worth_sharing
from metrics.engine.pool_rows import merge_pools
from metrics.engine.retained import (
    MADE_OF_DROPPED,
    Floors,
    Part,
    read_floors,
    reprice,
    without_days,
)
from metrics.engine.slots import SlotWindow
from metrics.engine.write_slots import write_slots
from metrics.sketches.write import SHORTEST, write_sketches
from metrics.store.kept import Batch
from miners.telemetry.packed.reading import unpacked

AN_HOUR = timedelta(hours=1)
"""The hours that a stretch overlaps begin and end no further from it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What holds for all that is computed in one go. `marks` says for each period up to where its buckets are closed."""

    marks: Mapping[str, datetime]
    grid: Grid
    farm: Farm
    now: datetime
    batch: Batch = field(default_factory=Batch)
    new: Sequence[int] = ()
    """Those who have no row yet of the day within which slots begin to be kept."""


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
    floors = read_floors(miner_ids, start, now)
    across = floors.across(grid.buckets("daily", start, end))
    new = without_days(miner_ids, across[0].start, across[0].end) if across else []
    work = Work(marks, grid, farm, now, new=new)
    with unpacked([(start - AN_HOUR, end + AN_HOUR)], miner_ids, now):
        for part in floors.parts(start, end, miner_ids):
            _compute(part, miner_ids, floors, work)
            work.batch.sent()
    return work.batch.sent()


def _compute(part: Part, miner_ids: Sequence[int], floors: Floors, work: Work) -> None:
    start, end, grid, farm, now, batch = part.start, part.end, work.grid, work.farm, work.now, work.batch
    told = {p: floors.in_this_zone(grid.buckets(p, start, end)) for p in MADE_OF}
    closed = {p: [b for b in found if b.end <= work.marks[p]] for p, found in told.items()}
    touched = [b for found in closed.values() for b in found]
    spans = farm.spans(min([start, *(b.start for b in touched)]), max([end, *(b.end for b in touched)]))
    if part.is_below_slots:
        _compute_below_slots(part, miner_ids, closed, spans, work)
        return
    everyone = set(miner_ids) >= set(known_miners(spans))
    told_by_all = everyone and not part.retained
    scan = worth_a_scan(start, end) or worth_sharing(len(part.told), start, end)
    _make_slots(part, spans, work, scan=told_by_all and scan)
    standing = farm.standing
    merge_fleet("slot", grid.buckets("slot", start, end), spans, standing, now, batch)
    for period, found in closed.items():
        anew = floors.made_anew(period, found)
        if period == SHORTEST:
            kept = floors.hours_kept(anew, part.told)
            write_sketches(period, anew, part.told, spans, grid, everyone=told_by_all, batch=batch, kept=kept)
        else:
            write_sketches(period, anew, miner_ids, spans, grid, everyone=everyone, batch=batch)
        merge_longer(period, anew, miner_ids, spans, standing, grid, now, everyone=everyone, batch=batch)
        if period == "daily":
            rest = [b for b in found if b not in anew]
            merge_miners(period, rest, [m for m in work.new if m in part.told], grid, now, batch)
            merge_fleet(period, rest, spans, standing, now, batch)


def _make_slots(part: Part, spans: Sequence[Span], work: Work, *, scan: bool) -> None:
    mine = {*part.told, *part.retained}
    theirs = [span for span in spans if span.miner_id in mine]
    for start, end, slot_s in work.grid.spans(part.start, part.end):
        if part.told:
            write_slots(SlotWindow(start, end, slot_s, part.told, theirs, scan), work.now, work.batch)
        if part.retained:
            reprice(SlotWindow(start, end, slot_s, part.retained, theirs), work.now, work.batch)


def _compute_below_slots(
    part: Part,
    miner_ids: Sequence[int],
    closed: Mapping[str, Sequence[Bucket]],
    spans: Sequence[Span],
    work: Work,
) -> None:
    """Compute where slots and hours have been dropped: days of those who have none yet, and what is made of days."""
    grid, standing, now, batch = work.grid, work.farm.standing, work.now, work.batch
    low = min([part.start, *(b.start for b in closed["daily"])])
    new = without_days(part.told, low, part.end)
    _make_slots(replace(part, told=new, retained=[]), spans, work, scan=False)
    for period, found in closed.items():
        if period in MADE_OF_DROPPED:
            merge_miners(period, found, new, grid, now, batch)
        else:
            write_sketches(period, found, miner_ids, spans, grid, everyone=False, batch=batch)
            merge_longer(period, found, miner_ids, spans, standing, grid, now, everyone=False, batch=batch)
        if period == "daily":
            merge_fleet(period, found, spans, standing, now, batch)


def close(
    period: str, marks: Mapping[str, datetime], grid: Grid, farm: Farm, now: datetime
) -> tuple[datetime, int]:
    """Merge every bucket of `period` that what it is made of has closed since its mark, for all miners and pools.

    Returns up to where the period is filled now, and the number of rows written.
    """
    filled_to, made_of = marks[period], marks[MADE_OF[period]]
    found = [b for b in grid.buckets(period, filled_to, made_of) if filled_to < b.end <= made_of]
    if not found:
        return filled_to, 0
    spans = farm.spans(found[0].start, found[-1].end)
    miner_ids = known_miners(spans)
    told = [(found[0].start, found[-1].end)] if period == SHORTEST else []
    batch = Batch()
    with unpacked(told, miner_ids, now):
        write_sketches(period, found, miner_ids, spans, grid, everyone=True, batch=batch)
        merge_longer(period, found, miner_ids, spans, farm.standing, grid, now, everyone=True, batch=batch)
        rows = batch.sent()
    return found[-1].end, rows + merge_pools(period, found, now)
