"""Periods: where slots, hours, days, ISO weeks and months begin and end.

Slots are aligned to UTC. The others have the boundaries of a time zone; an hour ends at each full local hour
and at each change of the zone's offset, so that every longer period is made of whole shorter ones, a
clock-change day of 23, 24.5, 25, … hours included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, reduce
from itertools import pairwise
from math import gcd
from zoneinfo import ZoneInfo

from hmm.lib.times import local_midnight

PERIODS = ("slot", "hourly", "daily", "weekly", "monthly")
"""Every period, each made of whole ones of those before it (but a month is not made of weeks)."""

MADE_OF = {"hourly": "slot", "daily": "hourly", "weekly": "daily", "monthly": "daily"}
"""What a longer period is merged from."""

DEFAULT_SLOT_S = 1800


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One period, half-open, UTC."""

    start: datetime
    end: datetime

    @property
    def length_s(self) -> int:
        """Its length in seconds."""
        return round((self.end - self.start).total_seconds())


def buckets(period: str, start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> list[Bucket]:
    """Return the buckets of `period` that overlap [start, end), in order.

    `slot_s` is the length of a slot in seconds and matters to slots alone.
    Raises KeyError for an unknown period.
    """
    if start >= end:
        return []
    edges = _EDGES[period](start, end, zone, slot_s)
    return [Bucket(a, b) for a, b in pairwise(edges) if a < end and b > start]


def bucket_at(period: str, moment: datetime, zone: ZoneInfo, slot_s: int) -> Bucket:
    """Return the bucket of `period` that holds `moment`."""
    return buckets(period, moment, moment + timedelta(microseconds=1), zone, slot_s)[0]


def slot_length_s(zone: ZoneInfo, tariff_slots_s: list[int], around: datetime) -> int:
    """Return the longest slot, at most 30 minutes, that never spans two prices or two local days."""
    year = around.year
    offsets = {_offset_s(zone, t) for y in (year - 1, year, year + 1) for t in _changes_and_start(zone, y)}
    return reduce(gcd, [*tariff_slots_s, *(abs(o) for o in offsets if o)], DEFAULT_SLOT_S)


def _slot_edges(start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> Iterator[datetime]:
    first = int(start.timestamp()) // slot_s * slot_s
    last = -(-int(end.timestamp() + 1) // slot_s) * slot_s
    return (datetime.fromtimestamp(t, UTC) for t in range(first, last + 1, slot_s))


def _hour_edges(start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> list[datetime]:
    low, high = start - timedelta(hours=1), end + timedelta(hours=1)
    changes = [c for c in offset_changes(zone, low, high) if low < c < high]
    found: set[datetime] = set(changes)
    for a, b in pairwise([low, *changes, high]):
        found.update(_full_hours(a, b, _offset_s(zone, a)))
    return sorted(found)


def _full_hours(start: datetime, end: datetime, offset_s: int) -> Iterator[datetime]:
    first = -(-(int(start.timestamp()) + offset_s) // 3600) * 3600 - offset_s
    return (datetime.fromtimestamp(t, UTC) for t in range(first, int(end.timestamp()) + 1, 3600))


def _day_edges(start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> Iterator[datetime]:
    day, last = _local_day(start, zone), _local_day(end, zone)
    return (local_midnight(day + timedelta(days=n), zone) for n in range((last - day).days + 2))


def _week_edges(start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> Iterator[datetime]:
    day, last = _local_day(start, zone), _local_day(end, zone)
    monday = day - timedelta(days=day.weekday())
    return (local_midnight(monday + timedelta(days=n), zone) for n in range(0, (last - monday).days + 8, 7))


def _month_edges(start: datetime, end: datetime, zone: ZoneInfo, slot_s: int) -> Iterator[datetime]:
    day, last = _local_day(start, zone), _local_day(end, zone)
    months = range(day.year * 12 + day.month - 1, last.year * 12 + last.month + 1)
    return (local_midnight(date(m // 12, m % 12 + 1, 1), zone) for m in months)


_EDGES = {
    "slot": _slot_edges,
    "hourly": _hour_edges,
    "daily": _day_edges,
    "weekly": _week_edges,
    "monthly": _month_edges,
}


def _local_day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _offset_s(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def offset_changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Return the instants in [start, end) at which the zone's offset changes."""
    years = range(start.year, end.year + 1)
    return [c for year in years for c in _changes(zone, year) if start <= c < end]


def _changes_and_start(zone: ZoneInfo, year: int) -> list[datetime]:
    return [datetime(year, 1, 1, tzinfo=UTC), *_changes(zone, year)]


@lru_cache(maxsize=512)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(367)]
    days = [d for d in days if d <= datetime(year + 1, 1, 1, tzinfo=UTC)]
    return tuple(_change_between(zone, a, b) for a, b in pairwise(days) if _differ(zone, a, b))


def _differ(zone: ZoneInfo, a: datetime, b: datetime) -> bool:
    return _offset_s(zone, a) != _offset_s(zone, b)


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if _differ(zone, low, middle) else (middle, high)
    return high
