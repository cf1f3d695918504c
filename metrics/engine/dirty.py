"""Which miners and which time the dirty ranges name, and what of them is left after a chunk is computed."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet

from hmm.models import DirtyRange
from metrics.engine.belonging import Span

READ_AT_ONCE = 10_000


def read_ranges(
    before: datetime, start: datetime | None = None, end: datetime | None = None
) -> list[DirtyRange]:
    """Return dirty ranges that begin before `before` and overlap [start, end), the earliest first."""
    return list(_ranges(before, start, end).order_by("start", "id")[:READ_AT_ONCE])


def has_ranges(before: datetime, start: datetime | None = None, end: datetime | None = None) -> bool:
    """Return whether `read_ranges` would find any."""
    return _ranges(before, start, end).exists()


def _ranges(before: datetime, start: datetime | None, end: datetime | None) -> QuerySet[DirtyRange]:
    found = DirtyRange.objects.filter(start__lt=before)
    if start is not None:
        found = found.filter(end__gt=start)
    if end is not None:
        found = found.filter(start__lt=end)
    return found


def miners_of(ranges: Iterable[DirtyRange], spans: Sequence[Span]) -> list[int]:
    """Return the miners that these ranges name: themselves, those on a named tariff, or for a coin all there are."""
    found: set[int] = set()
    for dirty in ranges:
        ids = set(dirty.entity_ids)
        if dirty.kind == DirtyRange.Kind.MINER:
            found |= ids
        elif dirty.kind == DirtyRange.Kind.TARIFF:
            found |= {s.miner_id for s in spans if s.tariff_id in ids}
        elif dirty.kind == DirtyRange.Kind.COIN:
            found |= {s.miner_id for s in spans}
    return sorted(found)


def names_pools(ranges: Iterable[DirtyRange]) -> bool:
    """Return whether any of these ranges names pools."""
    return any(dirty.kind == DirtyRange.Kind.POOL for dirty in ranges)


def names_only_pools(ranges: Iterable[DirtyRange]) -> bool:
    """Return whether all of these ranges name pools."""
    return all(dirty.kind == DirtyRange.Kind.POOL for dirty in ranges)


def consume(ranges: Iterable[DirtyRange], start: datetime, end: datetime) -> int:
    """Delete these ranges, and append again what of them lies outside [start, end). Returns how many that are."""
    read = list(ranges)
    rest = [
        DirtyRange(kind=d.kind, entity_ids=d.entity_ids, start=a, end=b)
        for d in read
        for a, b in ((d.start, min(d.end, start)), (max(d.start, end), d.end))
        if a < b
    ]
    DirtyRange.objects.filter(pk__in=[d.pk for d in read]).delete()
    if rest:
        DirtyRange.objects.bulk_create(rest)
    return len(rest)
