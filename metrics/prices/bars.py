"""Today and tomorrow as bars, with what was chosen among them, and the same as a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils.safestring import SafeString

from energy.cheapest import CheapestPlan, CheapStretch
from energy.points import PricePoint
from hmm.lib.local_times import clock_span
from hmm.lib.svg import Bar, Tick, bar_chart
from metrics.dashboard.prices import band_of, tick_times
from metrics.explain.price import PriceRef
from metrics.prices.read import KnownPrices
from metrics.templatetags.hmm_format import SYMBOLS, decimal, price


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A slot as a line of the table; `is_chosen` where it is among the cheapest hours."""

    day: str
    when: str
    price: str
    band: str
    is_now: bool
    is_chosen: bool
    url: str


def price_bars(known: KnownPrices, plan: CheapestPlan | None) -> SafeString | None:
    """Return the bars from the beginning of today as far as prices are known, None where none is."""
    shown = known.within(known.today.start, known.tomorrow.end)
    if not shown:
        return None
    start, end = known.today.start, max(known.today.end, shown[-1].end)
    span = end - start
    ticks = [
        Tick((moment - start) / span, _tick_text(moment.astimezone(known.zone)))
        for moment in tick_times(start, end, known.zone)
    ]
    bars = [
        Bar(
            (max(p.start, start) - start) / span,
            (min(p.end, end) - start) / span,
            p.pence_per_kwh,
            _classes(p, known.now, plan),
            f"{_day(p.start, known.zone)} {clock_span(p.start, p.end, known.zone)}: {_said(p, known)}",
        )
        for p in shown
    ]
    return bar_chart(
        bars,
        ticks,
        label=_label(shown, known),
        unit=SYMBOLS[known.tariff.currency][1],
        now_at=(known.now - start) / span,
        height=230,
    )


def price_lines(known: KnownPrices, plan: CheapestPlan | None) -> list[PriceLine]:
    """Return the same slots as lines of a table."""
    return [
        PriceLine(
            _day(p.start, known.zone),
            clock_span(p.start, p.end, known.zone),
            decimal(p.pence_per_kwh, 2),
            band_of(p.pence_per_kwh).name,
            p.start <= known.now < p.end,
            _is_in(p, plan.stretches if plan else ()),
            PriceRef(known.tariff.pk, p.start).url,
        )
        for p in known.within(known.today.start, known.tomorrow.end)
    ]


def _classes(point: PricePoint, now: datetime, plan: CheapestPlan | None) -> str:
    found = ["bar", band_of(point.pence_per_kwh).css_class]
    if point.end <= now:
        found.append("is-past")
    if plan and _is_in(point, plan.stretches):
        found.append("is-chosen")
    return " ".join(found)


def _is_in(point: PricePoint, stretches: Iterable[CheapStretch]) -> bool:
    return any(point.start < s.end and point.end > s.start for s in stretches)


def _tick_text(local: datetime) -> str:
    return f"{local:%H:%M}" if local.hour or local.minute else f"{local:%a}"


def _day(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%a}"


def _said(point: PricePoint, known: KnownPrices) -> str:
    return price(point.pence_per_kwh, known.tariff.currency)


def _label(shown: list[PricePoint], known: KnownPrices) -> str:
    least, most = (of(shown, key=lambda p: p.pence_per_kwh) for of in (min, max))
    ends = (
        f"{_said(p, known)} ({_day(p.start, known.zone)} {clock_span(p.start, p.end, known.zone)})"
        for p in (least, most)
    )
    return f"Price per kWh in {len(shown)} slots, from {' to '.join(ends)}. The same figures are in the table below."
