"""Filling the past: what is missing or dirty in a range, or all of it anew."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import PERIODS, Bucket
from metrics.engine.grid import Grid
from metrics.engine.marks import first_marks, read_marks
from metrics.store.days import first_telemetry, with_figures, with_telemetry
from miners.models import Miner


def widen(start: datetime, end: datetime, cut: Grid) -> tuple[datetime, datetime]:
    """Return the range of every period, to the month, that overlaps [start, end)."""
    found = [b for period in PERIODS for b in cut.buckets(period, start, end)]
    return min(b.start for b in found), max(b.end for b in found)


def mark_past(start: datetime, end: datetime, cut: Grid, now: datetime, *, recompute: bool) -> None:
    """Have the local days of [start, end) computed that have telemetry and no figures; `recompute`: or figures."""
    first = first_telemetry()
    days = cut.buckets("daily", max(start, first), min(end, now)) if first else []
    told, stored = with_telemetry(days), with_figures(days)
    wanted = told | stored if recompute else told - stored
    with transaction.atomic():
        closed = (read_marks() or first_marks(cut, now))["slot"]
        miners = list(Miner.objects.order_by("pk").values_list("pk", flat=True))
        for low, high in _joined(day for day in days if day.start in wanted):
            mark_miners_dirty(miners, max(low, start), min(high, end, closed))


def _joined(days: Iterable[Bucket]) -> list[tuple[datetime, datetime]]:
    """Return the stretches that these days, in order, make."""
    joined: list[tuple[datetime, datetime]] = []
    for day in days:
        if joined and joined[-1][1] == day.start:
            joined[-1] = (joined[-1][0], day.end)
        else:
            joined.append((day.start, day.end))
    return joined
