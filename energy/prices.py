"""The prices of a tariff: read by time, and stored so that slots never overlap and changes are noticed."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from energy.models import PriceSlot, Tariff
from energy.points import PriceError, PricePoint
from energy.storing import StoreResult, store_numbered_prices

__all__ = [
    "PriceError",
    "PricePoint",
    "StoreResult",
    "price_at",
    "price_page",
    "prices_between",
    "store_prices",
]


def prices_between(tariff_id: int, start: datetime, end: datetime) -> list[PricePoint]:
    """Return the tariff's prices that overlap [start, end), in order. One query."""
    return _points(_overlapping(tariff_id, start, end))


def price_page(
    tariff_id: int, start: datetime, end: datetime, limit: int, after: datetime | None = None
) -> list[PricePoint]:
    """Return at most `limit` of `prices_between`, from behind the slot that began at `after`. One query."""
    found = _overlapping(tariff_id, start, end)
    return _points(found.filter(start__gt=after)[:limit] if after else found[:limit])


def price_at(tariff_id: int, moment: datetime) -> PricePoint | None:
    """Return the tariff's price at `moment`, None when it is not known. One query."""
    last = PriceSlot.objects.filter(tariff_id=tariff_id, start__lte=moment).order_by("-start")[:1]
    return next((point for point in _points(last) if point.end > moment), None)


def store_prices(tariff: Tariff, points: Iterable[PricePoint], *, recut: bool = False) -> StoreResult:
    """Store prices in one transaction, and have what they change computed anew; all or nothing.

    A slot stored with the same start and end takes the new price. Slots may not overlap each other, nor a
    stored slot in part: that raises OverlapError naming both. With `recut`, for a provider that may cut time
    differently today, the new slots win: what they leave of a stored slot keeps its price. Only stretches
    whose price is new or different are marked dirty. Safe from several processes at once; also raises
    PriceError for a slot that is not valid in itself.
    """
    return store_numbered_prices(tariff, enumerate(points, 1), recut=recut)


def _overlapping(tariff_id: int, start: datetime, end: datetime) -> QuerySet[PriceSlot]:
    # Slots never overlap, so the one that runs into `start` is the last that began by then: the index
    # gives it at once, where `end > start` alone would read the whole past.
    of_tariff = PriceSlot.objects.filter(tariff_id=tariff_id)
    running = of_tariff.filter(start__lte=start).order_by("-start").values("start")[:1]
    first = Coalesce(running, start)
    return of_tariff.filter(start__gte=first, start__lt=end, end__gt=start).order_by("start")


def _points(slots: QuerySet[PriceSlot]) -> list[PricePoint]:
    return [PricePoint(*row) for row in slots.values_list("start", "end", "pence_per_kwh")]
