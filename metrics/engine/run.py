"""Runs of the engine: fill what time has closed, compute anew what has changed.

Every chunk is one transaction that holds one lock, reads the dirty ranges before it reads telemetry, and
deletes exactly those together with writing its rows: a row of telemetry that is committed meanwhile has a
range that the next run finds. A crash leaves the old rows or the new, never half.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import inf

from django.db import connection, transaction

from hmm.installation import forget_installation, one_installation
from hmm.lib.buckets import PERIODS
from hmm.lib.locks import LockTaken, lock, try_lock
from hmm.models import DirtyRange
from metrics.engine.belonging import known_miners
from metrics.engine.compute import close, compute
from metrics.engine.dirty import (
    READ_AT_ONCE,
    consume,
    fresh_ranges,
    has_ranges,
    miners_of,
    names_only_pools,
    names_pools,
    read_ranges,
)
from metrics.engine.form import follow_installation
from metrics.engine.grid import Grid, day_after
from metrics.engine.ground import Ground, read_ground
from metrics.engine.marks import boundaries, first_marks, move_marks
from metrics.engine.open_sums import forget_open, sum_open
from metrics.engine.pool_rows import compute_pools
from metrics.store.partitions import ensure_partitions

LOCK = "metrics engine"

AN_HOUR = timedelta(hours=1)
"""How far before a slot the hour that holds it can begin, in another UTC month where the offset is not whole."""

# Enough for a chunk's hash tables; compiling expressions costs more than these queries take.
ROOM_TO_WORK = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
MINER_DAYS_A_CHUNK = 1500

FOR_EVER = inf
"""Wait for whoever is at work, however long."""


class Busy(Exception):
    """Another run of the engine is at work."""


def run(now: datetime, through: str = "monthly", *, wait_s: float = 0) -> int:
    """Fill every period up to `through` as far as time has closed it, then compute what is dirty.

    Returns the rows written. Raises Busy when another run is at work for longer than `wait_s`.
    """
    return fill(now, through, wait_s=wait_s) + clean(now, wait_s=wait_s)


def fill(now: datetime, through: str = "monthly", *, wait_s: float = 0) -> int:
    """Move the watermarks of slot, hour, … up to `through` forward to `now`, filling the whole gap."""
    rows, more = 0, True
    while more:
        with _chunk(wait_s):
            written, more = _fill_chunk(now, through)
            rows += written
    return rows


def clean(
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    wait_s: float = 0,
    progress: Callable[[datetime, datetime, int], None] = lambda start, end, rows: None,
) -> int:
    """Compute anew what dirty ranges name within [start, end), chunk by chunk, the earliest first.

    `progress` hears after each chunk its start and end and the rows it wrote.
    """
    rows, more = 0, True
    while more:
        done, more = _clean_earliest(now, start, end, wait_s)
        if done:
            rows += done[2]
            progress(*done)
    return rows


def sum_open_slot(now: datetime, *, wait_s: float = 0) -> None:
    """Sum for every site what it has done since the store ends; nothing where that is not filled up to `now`."""
    with _chunk(wait_s):
        ground = _newest_ground(now)
        marks, cut = ground.marks, ground.cut
        if all(marks.get(period) == cut.last_boundary(period, now) for period in ("slot", "hourly")):
            sum_open(marks, now, cut, ground.farm)


def _fill_chunk(now: datetime, through: str) -> tuple[int, bool]:
    """Fill at most a local day of slots, and what they close. Returns the rows, and whether there is more to fill."""
    rows = follow_installation(now)
    # Listed before anything that they could tell of is read: what is committed meanwhile stays for the next run.
    fresh = fresh_ranges()
    ground = read_ground(now)
    cut, farm = ground.cut, ground.farm
    before = dict(ground.marks) or first_marks(cut, now)
    marks = dict(before)
    start, target = marks["slot"], boundaries(cut, now)["slot"]
    end = max(start, min(target, day_after(start, cut.zone, 1)))
    if start < end:
        ensure_partitions(start - AN_HOUR, end + timedelta(days=31), ground.partitions)
        rows += compute(start, end, known_miners(farm.spans(start, end)), marks, cut, farm, now)
        rows += compute_pools(start, end, marks, cut, now)
        marks["slot"] = end
        forget_open()
        if fresh:  # they begin at or after `start`: computed now, or when their slot closes
            DirtyRange.objects.filter(pk__in=fresh).delete()
    for period in PERIODS[1 : PERIODS.index(through) + 1]:
        marks[period], closed = close(period, marks, cut, farm, now)
        rows += closed
    if marks != before:
        move_marks(marks)
    return rows, end < target


Cleaned = tuple[tuple[datetime, datetime, int] | None, bool]


def _clean_earliest(now: datetime, start: datetime | None, end: datetime | None, wait_s: float) -> Cleaned:
    """Compute the earliest chunk that is dirty, and wait for another run only where there is one."""
    try:
        with _chunk(0):
            return _clean_chunk(now, start, end)
    except Busy:
        if not has_ranges(now, start, end):  # what comes later is the next run's
            return None, False
    with _chunk(wait_s):
        return _clean_chunk(now, start, end)


def _clean_chunk(now: datetime, start: datetime | None, end: datetime | None) -> Cleaned:
    """Compute the earliest chunk that is dirty.

    Returns its start, its end and its rows, None when all is clean, and whether there may be more.
    """
    ranges = read_ranges(now, start, end)  # before anything that they tell of
    if not ranges:
        return None, False
    ground = _newest_ground(now)
    cut, farm = ground.cut, ground.farm
    marks = ground.marks or first_marks(cut, now)
    ranges = [d for d in ranges if d.start < marks["slot"]]
    if not ranges:
        return None, False
    low = max(ranges[0].start, start) if start else ranges[0].start
    high = min(max(d.end for d in ranges), marks["slot"], end or marks["slot"])
    low, high = _slot_edges(cut, low, high, marks["slot"])
    spans = farm.spans(low, high)
    days = max(1, min(31, MINER_DAYS_A_CHUNK // max(1, len(miners_of(ranges, spans)))))
    high = min(high, day_after(low, cut.zone, days))
    touched = [d for d in ranges if d.start < high and d.end > low]
    ensure_partitions(low - AN_HOUR, high, ground.partitions)
    rows = compute_pools(low, high, marks, cut, now) if names_pools(touched) else 0
    if not names_only_pools(touched):
        rows += compute(low, high, miners_of(touched, spans), marks, cut, farm, now)
    if any(d.end > marks["hourly"] for d in touched):
        forget_open()
    rest = consume(touched, low, high if high < marks["slot"] else max(d.end for d in touched))
    return (low, high, rows), bool(rest) or len(touched) < len(ranges) or len(ranges) == READ_AT_ONCE


def _newest_ground(now: datetime) -> Ground:
    """Return the ground in the zone that is wanted now: another process may have changed it while this one waited."""
    forget_installation()
    return read_ground(now)


def _slot_edges(cut: Grid, low: datetime, high: datetime, closed: datetime) -> tuple[datetime, datetime]:
    """Widen to whole slots, within what is closed."""
    last = cut.bucket_at("slot", high - timedelta(microseconds=1)).end
    return cut.bucket_at("slot", low).start, min(last, closed)


def _take_lock(wait_s: float) -> None:
    if try_lock(LOCK):
        return
    if wait_s == 0:
        raise Busy
    try:
        lock(LOCK, None if wait_s == FOR_EVER else wait_s)
    except LockTaken as error:
        raise Busy from error


@contextmanager
def _chunk(wait_s: float) -> Iterator[None]:
    # One of its own: who reads, and has this done meanwhile, goes on with the installation that they began with.
    with transaction.atomic(), one_installation():
        _take_lock(wait_s)
        with connection.cursor() as cursor:
            cursor.execute(ROOM_TO_WORK)
        yield
