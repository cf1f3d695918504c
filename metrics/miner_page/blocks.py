"""The blocks of a miner's page: what each template is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hmm.lib.units import format_hashrate, j_per_th
from metrics.dashboard.blocks import Present
from metrics.dashboard.fleet import Figure
from metrics.dashboard.miner_table import TONES
from metrics.explain.reading import ReadingRef
from metrics.miner_page import read
from metrics.miner_page.health import Expected, Part, health_parts, health_words, with_refs, worst_tone
from metrics.miner_page.money import MoneyLine, money_lines
from metrics.query import MetricRow
from metrics.query.conditions import Condition, MinerNow, condition_of, is_known, since
from metrics.query.fleet import miner_now
from metrics.templatetags.hmm_format import decimal, power
from miners.models import LatestReading, Miner


@dataclass(frozen=True, slots=True)
class Reading:
    """How a miner is now; figures are "–" where its last reading no longer says it."""

    tone: str
    condition: str
    since: datetime | None
    reason: str
    figures: list[Figure]
    latest: LatestReading | None


@dataclass(frozen=True, slots=True)
class Health:
    """The parts, and what they come to."""

    tone: str
    words: str
    parts: list[Part]


def reading(miner: Miner, at: Present) -> Reading:
    """Return how the miner is at that moment."""
    now_of_it, latest = miner_now(miner), read.latest_of(miner)
    condition = condition_of(now_of_it, at.now)
    return Reading(
        tone="muted" if miner.retired_at else TONES.get(condition, "muted"),
        condition="retired" if miner.retired_at else condition.value,
        since=miner.retired_at or since(now_of_it, condition),
        reason="" if condition in (Condition.HASHING, Condition.SILENT) else miner.state_reason,
        figures=_figures(now_of_it, latest, is_known(now_of_it, at.now)),
        latest=latest,
    )


def health(miner: Miner, daily: Sequence[MetricRow], at: Present) -> Health:
    """Return the miner's health, from its daily figures."""
    latest = read.latest_of(miner)
    expected = Expected(
        hashrate_ghs=miner.baseline_hashrate_ghs
        or (miner.model.reference_hashrate_ghs if miner.model else None),
        max_temperature_c=miner.model.max_temperature_c if miner.model else None,
        added_at=miner.created_at,
    )
    today = read.day_so_far(daily, at.now, at.zone)
    parts = health_parts(miner_now(miner), today, latest.warnings if latest else [], expected, at.now)
    return Health(worst_tone(parts), health_words(parts), with_refs(parts, miner.pk, today))


def money(rows: Sequence[MetricRow], at: Present) -> list[MoneyLine]:
    """Return the lines of cost and earnings."""
    return money_lines(rows, at.zone, at.currency)


def _figures(miner: MinerNow, latest: LatestReading | None, known: bool) -> list[Figure]:
    efficiency = j_per_th(miner.power_w, miner.hashrate_ghs) if known else None
    hot = miner.max_temperature_c
    return [
        Figure(
            "Hashrate", format_hashrate(miner.hashrate_ghs if known else None), ref=_ref("hashrate", miner)
        ),
        Figure("Power", power(miner.power_w if known else None), ref=_ref("power", miner)),
        Figure(
            "Efficiency",
            f"{decimal(efficiency)} J/TH" if efficiency is not None else "–",
            ref=_ref("efficiency", miner),
        ),
        Figure(
            "Temperature",
            _with_unit(miner.temperature_c if known else None, "°C"),
            [f"hot above {hot:.0f} °C"] if hot is not None else [],
            _ref("temperature", miner),
        ),
        Figure(
            "Fan", _with_unit(latest.fan_rpm if known and latest else None, "rpm"), ref=_ref("fan", miner)
        ),
    ]


def _ref(quantity: str, miner: MinerNow) -> ReadingRef:
    return ReadingRef(quantity, miner.id)


def _with_unit(number: float | None, unit: str) -> str:
    return "–" if number is None else f"{decimal(number, 0)} {unit}"
