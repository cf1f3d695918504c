"""What electricity costs now and next: bands, the outlook in words, the bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import dropwhile, pairwise
from math import ceil, inf

from django.utils.safestring import SafeString

from energy.points import PricePoint
from hmm.lib.svg import Bar, Tick, bar_chart
from hmm.lib.units import counted
from metrics.explain.price import PriceRef
from metrics.templatetags.hmm_format import SYMBOLS, clock, decimal, price

SHOWN_BEFORE = timedelta(hours=3)
"""How much of the past the bars show, to see where the price comes from."""

SHOWN_AFTER = timedelta(hours=48)
MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Band:
    """Prices below `below` and not in an earlier band."""

    name: str
    below: float
    css_class: str


BANDS = (
    Band("negative", 0, "band-negative"),
    Band("low", 10, "band-low"),
    Band("middling", 20, "band-middling"),
    Band("high", 30, "band-high"),
    Band("very high", inf, "band-very-high"),
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The published prices from now on, said in few figures."""

    now: PricePoint | None
    negative_from: datetime | None
    negative_until: datetime | None
    cheapest: PricePoint | None
    is_flat: bool
    published_until: datetime | None


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One line of the table beside the bars."""

    when: str
    price: str
    band: str
    is_now: bool
    url: str = ""


def band_of(pence_per_kwh: float) -> Band:
    """Return the band that a price is in."""
    return next(band for band in BANDS if pence_per_kwh < band.below)


def outlook(prices: Sequence[PricePoint], now: datetime) -> Outlook:
    """Return the outlook at `now` from prices in order of time, which may have gaps."""
    ahead = [slot for slot in prices if slot.end > now]
    current = ahead[0] if ahead and ahead[0].start <= now else None
    negative = _first_negative_run(ahead)
    return Outlook(
        now=current,
        negative_from=negative[0].start if negative else None,
        negative_until=negative[-1].end if negative else None,
        cheapest=min(ahead, key=lambda slot: slot.pence_per_kwh, default=None),
        is_flat=len({slot.pence_per_kwh for slot in ahead}) == 1,
        published_until=ahead[-1].end if ahead else None,
    )


def outlook_words(view: Outlook, now: datetime, zone: tzinfo, currency: str) -> str:
    """Return the outlook as people say it: 18.4 p now, negative from 13:00."""
    if view.now is None:
        return "no price for now"
    words = f"{price(view.now.pence_per_kwh, currency)} now"
    if view.is_flat:
        return words
    if view.negative_from is not None and view.negative_until is not None:
        if view.negative_from <= now:
            return f"{words}, negative until {clock(view.negative_until, now, zone)}"
        return f"{words}, negative from {clock(view.negative_from, now, zone)}"
    if view.cheapest is None or view.cheapest.pence_per_kwh >= view.now.pence_per_kwh:
        return f"{words}, the lowest from now on"
    lowest = price(view.cheapest.pence_per_kwh, currency)
    return f"{words}, lowest {lowest} at {clock(view.cheapest.start, now, zone)}"


def price_chart(prices: Sequence[PricePoint], now: datetime, zone: tzinfo, currency: str) -> SafeString:
    """Return the bars of prices in order of time, with local times and a line at `now`."""
    # A price may hold for a year: of that, two days to either side are shown.
    start, end = max(prices[0].start, now - SHOWN_AFTER), min(prices[-1].end, now + SHOWN_AFTER)
    place = _Place(start, end)
    return bar_chart(
        [_bar(slot, place, now, zone, currency) for slot in prices],
        [Tick(place(moment), _tick_text(moment.astimezone(zone))) for moment in tick_times(start, end, zone)],
        label=_chart_label(prices, now, zone, currency),
        unit=SYMBOLS[currency][1],
        now_at=place(now) if start <= now < end else None,
    )


def price_rows(
    prices: Sequence[PricePoint], now: datetime, zone: tzinfo, currency: str, tariff_id: int | None = None
) -> list[PriceRow]:
    """Return the same prices as lines of a table, from the current slot on; with a tariff each has its explanation."""
    return [
        PriceRow(
            when=_span(slot, now, zone),
            price=decimal(slot.pence_per_kwh, 2),
            band=band_of(slot.pence_per_kwh).name,
            is_now=slot.start <= now,
            url=PriceRef(tariff_id, slot.start).url if tariff_id else "",
        )
        for slot in prices
        if slot.end > now
    ]


def legend(currency: str) -> list[tuple[str, str]]:
    """Return class and words of each band."""
    unit = SYMBOLS[currency][1]
    edges = [band.below for band in BANDS]
    words = ["below 0", *(f"{low:g}–{high:g}" for low, high in pairwise(edges[:-1]))]
    return [
        (band.css_class, f"{text} {unit}")
        for band, text in zip(BANDS, [*words, f"{edges[-2]:g} and more"], strict=True)
    ]


def tick_times(start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """Return full local hours in [start, end), at most MOST_TICKS, in steps that divide the day."""
    hours = [moment for moment in _quarter_hours(start, end) if moment.astimezone(zone).minute == 0]
    steps = (1, 2, 3, 4, 6, 12, 24)
    choices = ([m for m in hours if m.astimezone(zone).hour % step == 0] for step in steps)
    return next((ticks for ticks in choices if len(ticks) <= MOST_TICKS), [])


class _Place:
    """Where a moment is between two others, 0..1; of one that is before or after them the nearer end."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.span = start, end - start

    def __call__(self, moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - self.start) / self.span))


def _bar(slot: PricePoint, place: _Place, now: datetime, zone: tzinfo, currency: str) -> Bar:
    classes = ["bar", band_of(slot.pence_per_kwh).css_class]
    if slot.end <= now:
        classes.append("is-past")
    title = f"{_span(slot, now, zone)}: {price(slot.pence_per_kwh, currency)}"
    return Bar(place(slot.start), place(slot.end), slot.pence_per_kwh, " ".join(classes), title)


def _tick_text(local: datetime) -> str:
    return f"{local:%H:%M}" if local.hour or local.minute else f"{local:%a}"


def _span(slot: PricePoint, now: datetime, zone: tzinfo) -> str:
    start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
    day = "" if start.date() == now.astimezone(zone).date() else f"{start:%a} "
    return f"{day}{start:%H:%M}–{end:%H:%M}"


def _chart_label(prices: Sequence[PricePoint], now: datetime, zone: tzinfo, currency: str) -> str:
    words = outlook_words(outlook(prices, now), now, zone, currency)
    values = [slot.pence_per_kwh for slot in prices]
    low, high = price(min(values), currency), price(max(values), currency)
    return f"Price per kWh in {counted(len(prices), 'slot')}: {words}; between {low} and {high}. The same figures are in the table below."


def _first_negative_run(ahead: Sequence[PricePoint]) -> list[PricePoint]:
    run: list[PricePoint] = []
    for slot in dropwhile(lambda slot: slot.pence_per_kwh >= 0, ahead):
        if slot.pence_per_kwh >= 0 or (run and slot.start != run[-1].end):
            break
        run.append(slot)
    return run


def _quarter_hours(start: datetime, end: datetime) -> list[datetime]:
    first = ceil(start.timestamp() / 900) * 900
    count = ceil((end.timestamp() - first) / 900)
    return [datetime.fromtimestamp(first + 900 * n, UTC) for n in range(count)]
