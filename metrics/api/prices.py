"""GET /api/prices: what a tariff's electricity costs, slot by slot."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from energy.models import Tariff
from energy.prices import PricePoint, price_page
from hmm.installation import installation
from hmm.lib.times import LATEST
from metrics.api.cursors import Cursor, read_cursor, write_cursor
from metrics.api.errors import REFUSALS, BadParameter
from metrics.api.parameters import Identifier, Paged, Stretch, stretch
from metrics.api.times import OffsetTime

router = Router(tags=["prices"])

DEFAULT_BACK = timedelta(days=1)


class PriceParameters(Paged):
    """Which tariff, and when. Without `from` 24 hours back; without `to` as far ahead as prices are known."""

    tariff: Identifier = Field(description="The id of the tariff.")


class PriceResult(Schema):
    """The price of the half-open stretch from `start` to `end`."""

    start: OffsetTime
    end: OffsetTime
    pence_per_kwh: float = Field(description="Hundredths of the tariff's currency; may be negative.")


class PricePage(Schema):
    """Prices, the oldest first."""

    results: list[PriceResult]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@router.get(
    "/prices", operation_id="prices", response={200: PricePage, **REFUSALS}, summary="Prices of a tariff"
)
def prices(request: HttpRequest, given: Query[PriceParameters]) -> dict[str, Any]:
    """Every price slot that overlaps the range, oldest first. A stretch without a price has no slot.

    Times are in the installation's time zone. Without `from` the range begins 24 hours before `to`, or before
    now; without `to` it reaches as far ahead as prices are known.
    """
    zone, asked = installation().zone, given.asked()
    if not Tariff.objects.filter(pk=given.tariff).exists():
        raise BadParameter("tariff", f"there is no tariff {given.tariff}")
    cursor = read_cursor(given.cursor, "prices", asked) if given.cursor is not None else None
    span = cursor.stretch if cursor else _stretch(given, zone, timezone.now())
    after = cursor.position[0] if cursor else None
    found = price_page(given.tariff, span.start, span.end, given.limit + 1, after)
    page = found[: given.limit]
    return {
        "results": [_shown(point, zone) for point in page],
        "next": write_cursor("prices", asked, Cursor(span, (page[-1].start,)))
        if len(found) > len(page)
        else None,
    }


def _stretch(given: PriceParameters, zone: ZoneInfo, now: datetime) -> Stretch:
    return stretch(given, zone, default=DEFAULT_BACK, open_end=LATEST, now=now)


def _shown(point: PricePoint, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "start": point.start.astimezone(zone),
        "end": point.end.astimezone(zone),
        "pence_per_kwh": point.pence_per_kwh,
    }
