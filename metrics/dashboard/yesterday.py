"""The fleet's day so far against yesterday by the same time, as the dashboard says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from metrics.dashboard.fleet import Figure
from metrics.miner_page.series import JOULES_PER_KWH
from metrics.query.merge import Figure as Merged
from metrics.query.same_time import SameTime
from metrics.templatetags.hmm_format import decimal, hashrate, money, power

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
    pairs = [
        ("Hashrate", hashrate, _of("hashrate", "avg"), 1),
        ("Power", power, _average_power_w, 0),
        ("Efficiency", _j_per_th, _of("efficiency", "j_per_th"), -1),
        ("Cost", _money(currency), _of("energy_cost", f"total_cost_{code}"), -1),
        ("Profit", _money(currency), _of("earnings", f"profit_{code}"), 1),
    ]
    figures = []
    for label, words, pick, better in pairs:
        today, before = pick(found.today), pick(found.yesterday)
        notes = [f"yesterday {words(before)}" if before is not None else "yesterday not known"]
        figures.append(Compared(Figure(label, words(today), notes), change(today, before, better)))
    return TodayAndYesterday(_clock(found.until, zone), figures)


def change(today: float | None, before: float | None, better: int) -> Change | None:
    """Return the change in per cent; `better` is 1 where more is good, −1 where less is, 0 where neither is.

    None where there is nothing to compare, or nothing to compare with in per cent.
    """
    if today is None or before is None or before == 0:
        return None
    percent = 100 * (today - before) / abs(before)
    if abs(percent) < ALIKE_PERCENT:
        return Change("as yesterday", "muted")
    direction = 1 if percent > 0 else -1
    tone = "muted" if not better else "good" if direction == better else "bad"
    return Change(f"{'▲' if direction > 0 else '▼'} {decimal(abs(percent), 0)} %", tone)


def _of(metric_type: str, key: str) -> Callable[[Mapping[str, Merged]], float | None]:
    def pick(figures: Mapping[str, Merged]) -> float | None:
        return figures[metric_type].value_json[key] if metric_type in figures else None

    return pick


def _average_power_w(figures: Mapping[str, Merged]) -> float | None:
    """Return the energy over all of the time, as a fleet's average hashrate is its hashes over all of the time."""
    if "energy_cost" not in figures or figures["energy_cost"].value_json["total_kwh"] is None:
        return None
    figure = figures["energy_cost"]
    return (
        float(figure.value_json["total_kwh"]) * JOULES_PER_KWH / (figure.end - figure.start).total_seconds()
    )


def _money(currency: str) -> Callable[[float | None], str]:
    return lambda amount: money(amount, currency)


def _j_per_th(efficiency: float | None) -> str:
    return "–" if efficiency is None else f"{decimal(efficiency)} J/TH"


def _clock(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"
