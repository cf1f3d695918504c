"""What is said about prices, in sentences; each with its tone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from energy.cheapest import CheapestPlan
from energy.outlook import Publication, average_pence, missing, negative_runs
from hmm.lib.local_times import clock_span
from metrics.explain.price import PriceRef
from metrics.prices.explained import plan_url
from metrics.prices.read import KnownPrices
from metrics.templatetags.hmm_format import clock, decimal, price

AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told; `tone` is good, warn, bad or muted."""

    tone: str
    words: str


def notices(known: KnownPrices) -> list[Notice]:
    """Return what is to be said at once: when prices come, which are missing, when they are negative."""
    return [*_publication(known), *_missing(known), *_negative(known)]


@dataclass(frozen=True, slots=True)
class PlanWords:
    """What the cheapest hours come to, beside what all hours ahead cost on average, with the addresses that explain both."""

    hours: str
    price: str = ""
    url: str = ""
    usual: str = ""
    usual_url: str = ""


def plan_words(plan: CheapestPlan, known: KnownPrices) -> PlanWords:
    """Return what a plan comes to; without a price `hours` says why there is none."""
    hours = _hours(plan.wish.wanted_s)
    if plan.pence_per_kwh is None:
        return PlanWords(f"No stretch that is known is like that: {_wish(plan, known)}.")
    minute, end = known.now.replace(second=0, microsecond=0), known.tomorrow.end
    usual = average_pence(known.points, minute, end)
    return PlanWords(
        hours if plan.is_whole else f"Only {_hours(plan.found_s)} of {hours}",
        price(plan.pence_per_kwh, known.tariff.currency),
        plan_url(plan, known),
        "" if usual is None else price(usual, known.tariff.currency),
        PriceRef(known.tariff.pk, minute, end).url,
    )


def stretch_words(plan: CheapestPlan, known: KnownPrices) -> list[tuple[str, str, str, str]]:
    """Return when each stretch is, how long, what a kWh costs in it, and the address that explains that."""
    return [
        (
            f"{_day(s.start, known)} {clock_span(s.start, s.end, known.zone)}",
            _hours(round(s.length.total_seconds())),
            price(s.pence_per_kwh, known.tariff.currency),
            PriceRef(known.tariff.pk, s.start, s.end).url,
        )
        for s in plan.stretches
    ]


def _wish(plan: CheapestPlan, known: KnownPrices) -> str:
    wish, parts = plan.wish, []
    if wish.stretch_s:
        parts.append(f"{wish.stretch_s // 60} min or more at a stretch")
    if wish.ceiling_pence is not None:
        parts.append(f"no dearer than {price(wish.ceiling_pence, known.tariff.currency)}")
    return ", ".join(parts) or "there are no prices ahead"


def _publication(known: KnownPrices) -> Iterator[Notice]:
    outlook = known.outlook
    until = clock(outlook.known_until, known.now, known.zone) if outlook.known_until else ""
    after = clock(outlook.next_at, known.now, known.zone) if outlook.next_at else ""
    match outlook.publication:
        case Publication.UNKNOWN:
            yield Notice("bad", "No price is known for now or later.")
        case Publication.LATE:
            yield Notice(
                "warn", f"Prices are late: known only until {until}. HMM asks again each ten minutes."
            )
        case Publication.COMING if after:
            yield Notice("muted", f"Known until {until}. Tomorrow's prices come after {after}.")
        case Publication.COMING:
            yield Notice("muted", f"Known until {until}. Nobody fetches this tariff's prices by itself.")
        case Publication.KNOWN:
            yield Notice("muted", f"Known until {until}.")
    if known.tariff.fetch_error:
        yield Notice("warn", f"The last fetch of prices failed: {known.tariff.fetch_error}")


def _missing(known: KnownPrices) -> Iterator[Notice]:
    if not known.points:
        return
    ahead = known.within(known.today.start, known.tomorrow.end)
    gaps = missing(ahead, known.today.start, known.points[-1].end)
    if gaps:
        spans = ", ".join(_span(start, end, known) for start, end in gaps)
        yield Notice("warn", f"No price is known for {spans}: energy then has no cost.")


def _negative(known: KnownPrices) -> Iterator[Notice]:
    for run in negative_runs(known.within(known.now, known.tomorrow.end)):
        lowest = price(min(p.pence_per_kwh for p in run), known.tariff.currency)
        span = _span(run[0].start, run[-1].end, known)
        yield Notice("good", f"Negative {span}, down to {lowest}: who uses electricity then is paid for it.")


def _span(start: datetime, end: datetime, known: KnownPrices) -> str:
    return f"{_day(start, known)} {clock_span(start, end, known.zone)}"


def _day(moment: datetime, known: KnownPrices) -> str:
    days = (_date(moment, known.zone) - _date(known.now, known.zone)).days
    return {0: "today", 1: "tomorrow"}.get(days, f"{moment.astimezone(known.zone):%a}")


def _date(moment: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(moment.astimezone(zone).date(), datetime.min.time())


def _hours(seconds: int) -> str:
    if seconds < 3600:
        return f"{seconds // 60} min"
    hours = timedelta(seconds=seconds) / AN_HOUR
    return f"{decimal(hours, 2).rstrip('0').rstrip('.')} h"
