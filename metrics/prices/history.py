"""The last weeks: an hour a field, a day a line, and what each day was like."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils.safestring import SafeString

from energy.outlook import average_pence
from energy.points import PricePoint
from hmm.lib.buckets import Bucket, buckets
from hmm.lib.local_times import clock_span
from hmm.lib.svg import Tick
from hmm.lib.svg_heat import Cell, HeatRow, heat_map
from metrics.dashboard.prices import band_of
from metrics.explain.price import PriceRef
from metrics.prices.read import HISTORY_DAYS, KnownPrices, known_prices, told_of_the_past
from metrics.templatetags.hmm_format import decimal, price

A_DAY_S = 86400
HOUR_TICKS = [Tick(hour / 24, f"{hour:02}:00") for hour in (0, 6, 12, 18)]


@dataclass(frozen=True, slots=True)
class PriceDay:
    """A local day: its least, average and greatest price, and for how many hours it was below zero."""

    day: str
    lowest: str
    average: str
    highest: str
    negative_hours: str
    url: str
    lowest_url: str
    highest_url: str


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """The days before today of which anything is known, the newest first: as a map of hours, and as a table."""

    heat_map: SafeString | None
    days: list[PriceDay]


def price_history(known: KnownPrices) -> PriceHistory:
    """Return the last weeks. They are read and drawn anew only when a price of them has changed, or the day.

    One query, or two.
    """
    key = f"price-history/3/{known.tariff.pk}/{known.tariff.currency}/{known.zone.key}/{told_of_the_past(known)}"
    found: tuple[datetime, PriceHistory] | None = cache.get(key)
    if found is None or found[0] != known.today.start:
        days = _Days(known_prices(known.tariff, known.now, known.zone, HISTORY_DAYS))
        found = (known.today.start, PriceHistory(days.heat_map(), days.lines()))
        cache.set(key, found, A_DAY_S)
    return found[1]


class _Days:
    def __init__(self, known: KnownPrices) -> None:
        self.known = known
        self.starts = [point.start for point in known.points]
        self.days = [day for day in known.history if self._within(day.start, day.end)]

    def heat_map(self) -> SafeString | None:
        """Return the map of hours, None where nothing is known. A day of 23 or 25 hours has as many fields."""
        if not self.days:
            return None
        return heat_map(
            [HeatRow(self._short(day), self._cells(day)) for day in self.days],
            HOUR_TICKS,
            label=f"Average price of each hour of the last {len(self.days)} days. Each day is in the table below.",
        )

    def lines(self) -> list[PriceDay]:
        """Return each day as a line of a table."""
        return [self._line(day) for day in self.days]

    def _within(self, start: datetime, end: datetime) -> Sequence[PricePoint]:
        first = max(0, bisect_right(self.starts, start) - 1)
        return [
            point for point in self.known.points[first : bisect_left(self.starts, end)] if point.end > start
        ]

    def _cells(self, day: Bucket) -> list[Cell | None]:
        return [self._cell(hour) for hour in buckets("hourly", day.start, day.end, self.known.zone, 0)]

    def _cell(self, hour: Bucket) -> Cell | None:
        average = average_pence(self._within(hour.start, hour.end), hour.start, hour.end)
        if average is None:
            return None
        when = f"{self._name(hour)} {clock_span(hour.start, hour.end, self.known.zone)}"
        return Cell(band_of(average).css_class, f"{when}: {price(average, self.known.tariff.currency)}")

    def _line(self, day: Bucket) -> PriceDay:
        found = self._within(day.start, day.end)
        lowest, highest = (best(found, key=lambda point: point.pence_per_kwh) for best in (min, max))
        below = sum(
            (min(p.end, day.end) - max(p.start, day.start) for p in found if p.pence_per_kwh < 0), timedelta()
        )
        return PriceDay(
            self._name(day),
            decimal(lowest.pence_per_kwh, 2),
            decimal(average_pence(found, day.start, day.end), 2),
            decimal(highest.pence_per_kwh, 2),
            f"{below / timedelta(hours=1):g}",
            PriceRef(self.known.tariff.pk, day.start, day.end).url,
            PriceRef(self.known.tariff.pk, max(lowest.start, day.start)).url,
            PriceRef(self.known.tariff.pk, max(highest.start, day.start)).url,
        )

    def _short(self, bucket: Bucket) -> str:
        local = bucket.start.astimezone(self.known.zone)
        return f"{local:%a} {local.day}"

    def _name(self, bucket: Bucket) -> str:
        local = bucket.start.astimezone(self.known.zone)
        return f"{local:%a} {local.day} {local:%b}"
