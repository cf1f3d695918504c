"""The fleet in one sentence and five figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import zip_longest

from hmm.lib.times import local_midnight
from metrics.dashboard.prices import Outlook, outlook_words
from metrics.explain.figure import FigureRef, Ref, explained
from metrics.explain.price import PriceRef
from metrics.explain.reading import ReadingRef
from metrics.query.conditions import CALLED, Condition
from metrics.query.fleet import FleetNow, FleetTotals
from metrics.query.today import EnergyToday
from metrics.templatetags.hmm_format import (
    UNKNOWN,
    age,
    decimal,
    energy,
    hashrate,
    money,
    percent,
    power,
    price,
)
from metrics.types.base import MINOR

WHOLE = 0.995
"""From this coverage on, a figure is called complete."""

TOLD = (*CALLED, Condition.NEW, Condition.MAINTENANCE, Condition.UNPOLLED)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, and notes on what it stands for.

    `ref` says what explains it, `note_refs` what explains the notes, one after the other.
    """

    label: str
    text: str
    notes: Sequence[str] = ()
    ref: Ref | None = None
    note_refs: Sequence[Ref | None] = ()

    @property
    def number(self) -> str:
        """The figure without its unit."""
        return self.text.partition(" ")[0]

    @property
    def unit(self) -> str:
        """The unit alone, empty where it stands before the number, as that of money does."""
        return self.text.partition(" ")[2]

    @property
    def number_linked(self) -> str:
        """The figure without its unit, as a link to its explanation where it has one."""
        return _linked(self.number, self.ref)

    @property
    def notes_linked(self) -> list[str]:
        """The notes, those that are figures of the store as links to their explanations."""
        return [_linked(note, ref) for note, ref in zip_longest(self.notes, self.note_refs)]


def _linked(words: str, ref: Ref | None, place: str = "") -> str:
    return explained(words, ref, in_block=True, place=place) if ref else words


@dataclass(frozen=True, slots=True)
class PriceNow:
    """The main tariff's outlook, in its currency."""

    tariff: str
    currency: str
    outlook: Outlook
    tariff_id: int | None = None


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """The block as the page shows it; `tone` is good, warn or bad."""

    tone: str
    parts: list[str]
    figures: list[Figure]
    part_refs: Sequence[Ref | None] = ()

    @property
    def parts_linked(self) -> list[str]:
        """The parts of the sentence as links to what explains them."""
        return [_linked(part, ref, "said-") for part, ref in zip_longest(self.parts, self.part_refs)]

    @property
    def sentence(self) -> str:
        """The answer to "is it fine?"."""
        return " · ".join(self.parts)


def summarise(
    fleet: FleetNow,
    price_now: PriceNow | None,
    today: EnergyToday | None,
    *,
    now: datetime,
    zone: tzinfo,
    currency: str,
) -> FleetSummary:
    """Return the summary at `now`; `currency` is that of the cost."""
    parts = [
        fleet_words(fleet, now),
        outlook_words(price_now.outlook, now, zone, price_now.currency) if price_now else "no tariff",
        f"{money(today.cost, currency)} so far today"
        if today and today.cost is not None
        else "no cost yet today",
    ]
    midnight = local_midnight(now.astimezone(zone).date(), zone)
    cost = _cost_figure(today, currency, midnight)
    price_figure = _price_figure(price_now, now)
    figures = [*_live_figures(fleet.totals), price_figure, cost]
    return FleetSummary(
        tone_of(fleet), parts, figures, [ReadingRef("state"), price_figure.ref, cost.ref if today else None]
    )


def fleet_words(fleet: FleetNow, now: datetime) -> str:
    """Return how the fleet is: 11 of 12 hashing, 1 unreachable for 8 min."""
    expected = fleet.size - fleet.counts.get(Condition.UNPOLLED, 0)
    if not expected:
        return "no miner is polled"
    hashing = fleet.counts.get(Condition.HASHING, 0)
    head = f"all {expected} hashing" if hashing == expected > 1 else f"{hashing} of {expected} hashing"
    told = (_condition_words(fleet, condition, now) for condition in TOLD)
    return ", ".join(filter(None, [head, *told]))


def tone_of(fleet: FleetNow) -> str:
    """Return bad when nothing that should hash does, warn when something does not, else good."""
    if not any(fleet.counts.get(condition) for condition in CALLED):
        return "good"
    return "warn" if fleet.counts.get(Condition.HASHING) else "bad"


def _condition_words(fleet: FleetNow, condition: Condition, now: datetime) -> str:
    found, since = fleet.counts.get(condition, 0), fleet.since.get(condition)
    if not found:
        return ""
    words = f"{found} {_NAMES.get(condition, condition)}"
    if condition not in CALLED or since is None:
        return words
    longest = age(now - since)
    return f"{words} for {longest}" if found == 1 else f"{words} for up to {longest}"


_NAMES = {
    Condition.SILENT: "without readings",
    Condition.MAINTENANCE: "in maintenance",
}


def _live_figures(total: FleetTotals) -> list[Figure]:
    return [
        Figure(
            "Hashrate",
            hashrate(total.hashrate_ghs),
            _of_miners(total.hashrate_miners, total),
            ReadingRef("hashrate"),
        ),
        Figure("Power", power(total.power_w), _of_miners(total.power_miners, total), ReadingRef("power")),
        Figure(
            "Efficiency",
            _with_unit(total.efficiency_j_per_th, "J/TH"),
            ["now, lower is better"],
            ReadingRef("efficiency"),
        ),
    ]


def _of_miners(counted: int, total: FleetTotals) -> list[str]:
    return [f"now, {counted} of {total.polled_miners} miners" if counted < total.polled_miners else "now"]


def _with_unit(number: float | None, unit: str) -> str:
    return UNKNOWN if number is None else f"{decimal(number, 1)} {unit}"


def _price_figure(price_now: PriceNow | None, now: datetime) -> Figure:
    if price_now is None:
        return Figure("Price now", UNKNOWN, ["no tariff"])
    current = price_now.outlook.now
    ref = PriceRef(price_now.tariff_id, current.start if current else now) if price_now.tariff_id else None
    text = price(current.pence_per_kwh if current else None, price_now.currency)
    return Figure("Price now", text, [price_now.tariff], ref)


def _cost_figure(today: EnergyToday | None, currency: str, midnight: datetime) -> Figure:
    whole = FigureRef("energy_cost", f"total_cost_{currency.lower()}", "system", None, "daily", midnight)
    if today is None:
        return Figure("Cost today", UNKNOWN, ["nothing measured yet"], whole)
    notes = {
        "total_kwh": energy(today.kwh),
        f"avg_price_{MINOR[currency]}": f"average {price(today.average_price, currency)}",
        **_shortfalls(today),
    }
    refs = [replace(whole, key=key) for key in notes]
    return Figure("Cost today", money(today.cost, currency), [*notes.values()], whole, refs)


def _shortfalls(today: EnergyToday) -> dict[str, str]:
    """Return what the cost is short of, by the key of the metric that tells it."""
    found = {}
    if today.coverage is not None and today.coverage < WHOLE:
        found["coverage"] = f"{percent(today.coverage)} measured"
    unpriced = (today.kwh or 0) - (today.priced_kwh or 0)
    if unpriced > 0.001 * (today.kwh or 0):
        found["priced_kwh"] = f"{energy(unpriced)} without a price"
    return found
