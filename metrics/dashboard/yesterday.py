"""The fleet's day so far against yesterday by the same time, as the dashboard says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from metrics.column_words import money_beside
from metrics.dashboard.fleet import Figure
from metrics.explain.average_power import AveragePowerRef
from metrics.explain.figure import FigureRef
from metrics.query.merge import Figure as Merged
from metrics.query.same_time import SameTime
from metrics.store.columns import JOULES_PER_KWH
from metrics.templatetags.hmm_format import decimal, hashrate, power

ALIKE_PERCENT = 0.5
"""A change below this is called none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change against before in words, and whether that is good, bad, or neither."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of today, with its change."""

    figure: Figure
    change: Change | None


@dataclass(frozen=True, slots=True)
class TodayAndYesterday:
    """The block: up to when (local time) both days are counted, and the figures."""

    until: str
    figures: list[Compared]


TYPES = ("hashrate", "energy_cost", "efficiency", "earnings")


def against_yesterday(found: SameTime, zone: tzinfo, currency: str) -> TodayAndYesterday:
    """Return the figures of both days; a figure that one of them lacks has no change."""
    code = currency.lower()
    cost, profit = ("energy_cost", f"total_cost_{code}"), ("earnings", f"profit_{code}")
    days = (found.today, found.yesterday)
    figures = [
        _compared(found, "Hashrate", hashrate, ("hashrate", "avg"), 1),
        _compared(found, "Power", power, None, 0),
        _compared(found, "Efficiency", _j_per_th, ("efficiency", "j_per_th"), -1),
        _compared(found, "Cost", money_beside([_of(day, *cost) for day in days], currency), cost, -1),
        _compared(found, "Profit", money_beside([_of(day, *profit) for day in days], currency), profit, 1),
    ]
    return TodayAndYesterday(_clock(found.until, zone), figures)


def change(
    today: float | None, before: float | None, better: int, said: Callable[[float | None], str]
) -> Change | None:
    """Return the change; `better` is 1 where more is good, −1 where less is, 0 where neither is.

    In per cent; of nothing, or where one is a loss, as `said` says the difference. None where there is nothing to compare.
    """
    if today is None or before is None:
        return None
    if before > 0 and today >= 0:
        percent = 100 * (today - before) / before
        words, alike = f"{decimal(abs(percent), 0)} %", abs(percent) < ALIKE_PERCENT
    else:
        words = said(abs(today - before))
        alike = words == said(0.0)
    if alike:
        return Change("as yesterday", "muted")
    direction = 1 if today > before else -1
    tone = "muted" if not better else "good" if direction == better else "bad"
    return Change(f"{'▲' if direction > 0 else '▼'} {words}", tone)


def _compared(
    found: SameTime,
    label: str,
    words: Callable[[float | None], str],
    of: tuple[str, str] | None,
    better: int,
) -> Compared:
    """Return a figure of both days: `of` this metric type and key, None for the power, which the store does not have."""
    today, before = (_of(day, *of) if of else _average_power_w(day) for day in (found.today, found.yesterday))
    text = words(today)
    note = f"yesterday {words(before)}" if before is not None else "yesterday not known"
    ref, note_ref = (_ref(day, *of) if of else _power_ref(day) for day in (found.today, found.yesterday))
    return Compared(Figure(label, text, [note], ref, [note_ref]), change(today, before, better, words))


def _of(figures: Mapping[str, Merged], metric_type: str, key: str) -> float | None:
    return figures[metric_type].value_json[key] if metric_type in figures else None


def _ref(figures: Mapping[str, Merged], metric_type: str, key: str) -> FigureRef | None:
    """Return which figure of the store it is: that of the day's whole hours, as far as both days are counted."""
    of = figures.get(metric_type)
    if of is None:
        return None
    return FigureRef(metric_type, key, of.entity_type, of.entity_id, "hourly", of.start, of.end)


def _power_ref(figures: Mapping[str, Merged]) -> AveragePowerRef | None:
    of = figures.get("energy_cost")
    return AveragePowerRef(of.entity_type, of.entity_id, of.start, of.end) if of else None


def _average_power_w(figures: Mapping[str, Merged]) -> float | None:
    """Return the energy over all of the time, as a fleet's average hashrate is its hashes over all of the time."""
    if "energy_cost" not in figures or figures["energy_cost"].value_json["total_kwh"] is None:
        return None
    figure = figures["energy_cost"]
    return (
        float(figure.value_json["total_kwh"]) * JOULES_PER_KWH / (figure.end - figure.start).total_seconds()
    )


def _j_per_th(efficiency: float | None) -> str:
    return "–" if efficiency is None else f"{decimal(efficiency)} J/TH"


def _clock(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"
