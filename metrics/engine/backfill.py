"""Filling the past: what is missing or dirty in a range, or all of it anew."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import PERIODS, Bucket
from metrics.engine.grid import Grid
from metrics.engine.marks import first_marks, read_marks
from metrics.engine.merge import LONG
from metrics.engine.pool_rows import mark_pool_past
from metrics.store.days import with_figures
from miners.models import Miner
from miners.telemetry.read import first_telemetry, with_telemetry

DIRTY = """
SELECT lower(stretch), upper(stretch) FROM (
    SELECT unnest(range_agg(tstzrange(start, "end") * tstzrange(%(start)s, %(end)s))) AS stretch
    FROM hmm_dirtyrange WHERE start < %(end)s AND "end" > %(start)s
) dirty ORDER BY 1
"""


def widen(start: datetime, end: datetime, cut: Grid) -> tuple[datetime, datetime]:
    """Return the range of every period, to the month, that overlaps [start, end)."""
    first = [cut.bucket_at(period, start) for period in PERIODS]
    last = [cut.bucket_at(period, end - timedelta(microseconds=1)) for period in PERIODS]
    return min(b.start for b in first), max(b.end for b in last)


def mark_past(start: datetime, end: datetime, cut: Grid, now: datetime, *, recompute: bool) -> None:
    """Have the local days of [start, end) computed that have telemetry and no figures; `recompute`: or figures."""
    first = first_telemetry()
    days = cut.buckets("daily", max(start, first), min(end, now)) if first else []
    told, stored = with_telemetry(days), with_figures(days, "slot")
    wanted = told | stored if recompute else told - _complete(days, cut)
    with transaction.atomic():
        closed = (read_marks() or first_marks(cut, now))["slot"]
        miners = list(Miner.objects.order_by("pk").values_list("pk", flat=True))
        for low, high in _joined(day for day in days if day.start in wanted):
            mark_miners_dirty(miners, max(low, start), min(high, end, closed))
        if recompute:
            mark_pool_past(start, end, closed)


def dirty_stretches(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return what of [start, end) is to be computed, in order and without overlap. One query."""
    if start >= end:
        return []
    with connection.cursor() as cursor:
        cursor.execute(DIRTY, {"start": start, "end": end})
        return cursor.fetchall()


def _complete(days: Sequence[Bucket], cut: Grid) -> set[datetime]:
    """Return the starts of those days for which nothing that is closed is missing, from the slot to the month."""
    marks = read_marks()
    found = {day.start for day in days}
    for period in PERIODS:
        holding = {d.start: cut.bucket_at(period, d.start) if period in LONG else d for d in days}
        over = {b for b in holding.values() if b.end <= marks.get(period, b.start) or period == "slot"}
        lacking = {b.start for b in over} - with_figures(sorted(over), period)
        found -= {day for day, bucket in holding.items() if bucket.start in lacking}
    return found


def _joined(days: Iterable[Bucket]) -> list[tuple[datetime, datetime]]:
    """Return the stretches that these days, in order, make."""
    joined: list[tuple[datetime, datetime]] = []
    for day in days:
        if joined and joined[-1][1] == day.start:
            joined[-1] = (joined[-1][0], day.end)
        else:
            joined.append((day.start, day.end))
    return joined
