"""Which stored periods a stretch of time is made of: as few and as long ones as there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hmm.lib.buckets import Bucket
from metrics.engine.grid import Grid

LONGEST_FIRST = ("monthly", "daily", "hourly", "slot")


@dataclass(frozen=True, slots=True)
class Segment:
    """All stored buckets of `period` that begin in [start, end)."""

    period: str
    start: datetime
    end: datetime


def cover(
    stretches: Iterable[Bucket], ladder: Sequence[str], marks: Mapping[str, datetime], cut: Grid
) -> list[Segment]:
    """Return what the store has of these adjoining stretches, in order, without overlap or gap.

    `ladder` names the periods that may be used, the longest first, and `marks` up to where each is stored. A
    stretch begins with a slot; it is covered up to its end or the end of the stored slots.
    """
    found: list[Segment] = []
    for stretch in stretches:
        for segment in _cover(stretch.start, stretch.end, ladder, marks, cut):
            _append(found, segment)
    return found


def _append(found: list[Segment], segment: Segment) -> None:
    if found and found[-1].period == segment.period and found[-1].end == segment.start:
        segment = Segment(segment.period, found.pop().start, segment.end)
    found.append(segment)


def _cover(
    start: datetime, end: datetime, ladder: Sequence[str], marks: Mapping[str, datetime], cut: Grid
) -> list[Segment]:
    if start >= end or not ladder:
        return []
    period, *shorter = ladder
    first = _next_edge(period, start, cut)
    last = cut.bucket_at(period, min(end, marks.get(period, start))).start
    if first >= last:
        return _cover(start, end, shorter, marks, cut)
    return [
        *_cover(start, first, shorter, marks, cut),
        Segment(period, first, last),
        *_cover(last, end, shorter, marks, cut),
    ]


def _next_edge(period: str, moment: datetime, cut: Grid) -> datetime:
    bucket = cut.bucket_at(period, moment)
    return moment if bucket.start == moment else bucket.end
