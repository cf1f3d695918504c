"""What the page of prices needs from the database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from energy.models import Tariff
from energy.outlook import Outlook, outlook_of
from energy.points import PricePoint
from energy.prices import prices_between
from hmm.lib.buckets import Bucket
from hmm.lib.local_times import local_day
from hmm.replica.route import connection
from metrics.query import prices_now
from metrics.query.fleet_sql import main_site_now

HISTORY_DAYS = 28


@dataclass(frozen=True)
class KnownPrices:
    """A tariff's prices up to the end of tomorrow, in order, at `now`, by days of `zone`."""

    tariff: Tariff
    points: list[PricePoint]
    now: datetime
    zone: ZoneInfo

    @cached_property
    def today(self) -> Bucket:
        """The local day."""
        return local_day(self.now.astimezone(self.zone).date(), self.zone)

    @cached_property
    def tomorrow(self) -> Bucket:
        """The local day after it."""
        return local_day(self.now.astimezone(self.zone).date() + timedelta(days=1), self.zone)

    @property
    def history(self) -> list[Bucket]:
        """The local days before today, the newest first."""
        today = self.now.astimezone(self.zone).date()
        return [local_day(today - timedelta(days=n), self.zone) for n in range(1, HISTORY_DAYS + 1)]

    @property
    def outlook(self) -> Outlook:
        """How far they are known, and when the next ones come."""
        return outlook_of(self.tariff, self.points[-1].end if self.points else None, self.tomorrow, self.now)

    def within(self, start: datetime, end: datetime) -> list[PricePoint]:
        """Return those that overlap [start, end)."""
        return [point for point in self.points if point.start < end and point.end > start]


def known_prices(tariff: Tariff, now: datetime, zone: ZoneInfo, history_days: int = 0) -> KnownPrices:
    """Return the tariff's prices from so many days before today on, cut at both ends. One query."""
    today = now.astimezone(zone).date()
    first = local_day(today - timedelta(days=history_days), zone).start
    last = local_day(today + timedelta(days=1), zone).end
    found = prices_between(tariff.pk, first, last)
    points = [replace(p, start=max(p.start, first), end=min(p.end, last)) for p in found]
    return KnownPrices(tariff, points, now, zone)


TOLD = """
SELECT md5(string_agg(concat_ws(' ', start, "end", pence_per_kwh), ',' ORDER BY start))
FROM energy_priceslot WHERE tariff_id = %s AND start >= %s AND start < %s
"""


def told_of_the_past(known: KnownPrices) -> str:
    """Return a text that changes when a price before today does, without reading them all. One query."""
    first = known.history[-1].start - timedelta(days=1)  # a slot may reach in from the day before
    with connection.cursor() as cursor:
        cursor.execute(TOLD, [known.tariff.pk, first, known.today.start])
        return str(cursor.fetchone()[0])


def usual_tariff(now: datetime) -> int | None:
    """Return the tariff of the site with most miners, else the first site's, None where no site has one. Two queries."""
    prices, site_id = prices_now(now), main_site_now()
    own = (price.tariff_id for price in prices if price.site_id == site_id)
    return next(own, prices[0].tariff_id if prices else None)
