"""Which miners and which time the dirty ranges name, and what of them is left after a chunk is computed."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce

from hmm.models import DirtyRange
from metrics.engine.belonging import Span
from metrics.models import Watermark

READ_AT_ONCE = 10_000


FILLED_TO = Subquery(Watermark.objects.filter(period="slot").values("filled_to"))


def read_ranges(
    now: datetime, start: datetime | None = None, end: datetime | None = None
) -> list[DirtyRange]:
    """Return dirty ranges that overlap [start, end) and begin before slots are filled to, the earliest first.

    Before the first run that is `now`.
    """
    return list(_ranges(now, start, end).order_by("start", "id")[:READ_AT_ONCE])


def has_ranges(now: datetime, start: datetime | None = None, end: datetime | None = None) -> bool:
    """Return whether `read_ranges` would find any."""
    return _ranges(now, start, end).exists()


def fresh_ranges() -> list[int]:
    """Return the keys of those dirty ranges that begin where slots are not closed yet."""
    return list(DirtyRange.objects.filter(start__gte=FILLED_TO).values_list("pk", flat=True))


def _ranges(now: datetime, start: datetime | None, end: datetime | None) -> QuerySet[DirtyRange]:
    found = DirtyRange.objects.filter(start__lt=Coalesce(FILLED_TO, now))
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
