"""Is this miner well? Each part says what it is measured by, so that nobody has to guess why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hmm.lib.ages import age_words
from hmm.lib.units import format_hashrate
from metrics.dashboard.miner_table import TONES
from metrics.explain.figure import FigureRef, explained
from metrics.query.conditions import Condition, MinerNow, condition_of
from metrics.templatetags.hmm_format import decimal

UPTIME_GOOD, UPTIME_FAIR = 99.0, 95.0
REJECTS_GOOD, REJECTS_FAIR = 2.0, 5.0
HASHRATE_GOOD, HASHRATE_FAIR = 0.9, 0.75
"""Of what the machine should do: its own baseline, else its data sheet."""
NEAR_LIMIT_C = 5.0
"""So near to the model's limit a temperature is worth a look."""

SEVERITY = ("muted", "good", "warn", "bad")

OF_THE_DAY = {
    "Uptime": ("uptime", "uptime"),
    "Hashrate": ("hashrate", "avg"),
    "Rejects": ("reject_rate", "reject_rate"),
    "Temperature": ("temperature", "max"),
}
"""Which metric type and key of the local day a part shows; the others are of the last reading."""

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that makes a miner healthy or not; `tone` is good, warn, bad, or muted where it cannot be told."""

    name: str
    figure: str
    words: str
    tone: str
    ref: FigureRef | None = None

    @property
    def figure_linked(self) -> str:
        """The figure as a link to its explanation, where it is one of the store."""
        return explained(self.figure, self.ref, in_block=True) if self.ref else self.figure


@dataclass(frozen=True, slots=True)
class Expected:
    """What the machine should do; null where nobody has said it."""

    hashrate_ghs: float | None
    max_temperature_c: float | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """The figures of one local day by metric type, and when it began."""

    start: datetime
    values: Mapping[str, Value]

    def get(self, metric_type: str, key: str) -> float | None:
        """Return a figure; None where there is none."""
        return self.values.get(metric_type, {}).get(key)


def health_parts(
    miner: MinerNow, today: Day, warnings: Sequence[str], expected: Expected, now: datetime
) -> list[Part]:
    """Return the parts of a miner's health at `now`, from its last reading and the figures of the local day."""
    return [
        state_part(miner, now),
        uptime_part(today, expected.added_at),
        hashrate_part(today, expected.hashrate_ghs),
        rejects_part(today),
        temperature_part(today, expected.max_temperature_c),
        warnings_part(warnings),
    ]


def with_refs(parts: Sequence[Part], miner_id: int, today: Day) -> list[Part]:
    """Return the parts, those of the store with which figure of `today` they are."""
    return [
        replace(part, ref=FigureRef(*OF_THE_DAY[part.name], "miner", miner_id, "daily", today.start))
        if part.name in OF_THE_DAY
        else part
        for part in parts
    ]


def worst_tone(parts: Sequence[Part]) -> str:
    """Return the most urgent tone of the parts."""
    return max((part.tone for part in parts), key=SEVERITY.index, default="muted")


def health_words(parts: Sequence[Part]) -> str:
    """Return what there is to look at, in a few words."""
    wrong = [part.name.lower() for part in parts if part.tone in ("warn", "bad")]
    return f"look at {' and '.join(wrong)}" if wrong else "all is well"


def state_part(miner: MinerNow, now: datetime) -> Part:
    """Whether it answers and hashes, since when, and why not."""
    condition = condition_of(miner, now)
    since = miner.reading_at if condition is Condition.SILENT else miner.state_since
    lasting = f"for {age_words(now - since)}" if since else ""
    reason = "" if condition in (Condition.HASHING, Condition.SILENT) else miner.state_reason
    return Part(
        "State",
        condition.value,
        " · ".join(filter(None, [lasting, reason])),
        TONES.get(condition, "muted"),
    )


def uptime_part(today: Day, added_at: datetime) -> Part:
    """The share of the day so far in which it hashed."""
    uptime = today.get("uptime", "uptime")
    if uptime is None:
        return Part("Uptime", "–", "nothing measured today", "muted")
    idle = timedelta(
        seconds=(today.get("uptime", "elapsed_s") or 0) - (today.get("uptime", "hashing_s") or 0)
    )
    words = f"{age_words(idle)} of today without hashing" if idle >= timedelta(seconds=1) else "all of today"
    tone = uptime_tone(uptime)
    if added_at > today.start and tone != "good":
        words, tone = "of the day; it was added today", "muted"
    return Part("Uptime", f"{decimal(uptime, 1)} %", words, tone)


def hashrate_part(today: Day, expected_ghs: float | None) -> Part:
    """Its average hashrate of the day against what it should be."""
    average = today.get("hashrate", "avg")
    if average is None:
        return Part("Hashrate", "–", "nothing measured today", "muted")
    if not expected_ghs:
        return Part(
            "Hashrate", format_hashrate(average), "average today; nobody has said what to expect", "muted"
        )
    share = average / expected_ghs
    words = f"average today, {100 * share:.0f} % of the {format_hashrate(expected_ghs)} expected"
    return Part("Hashrate", format_hashrate(average), words, _at_least(share, HASHRATE_GOOD, HASHRATE_FAIR))


def rejects_part(today: Day) -> Part:
    """The share of the day's shares that its pool refused."""
    rate = today.get("reject_rate", "reject_rate")
    if rate is None:
        return Part("Rejects", "–", "no share today", "muted")
    rejected, accepted = today.get("reject_rate", "rejected") or 0, today.get("reject_rate", "accepted") or 0
    words = f"{rejected:,.0f} of {rejected + accepted:,.0f} shares today"
    return Part("Rejects", f"{decimal(rate, 2)} %", words, rejects_tone(rate))


def temperature_part(today: Day, limit_c: float | None) -> Part:
    """The hottest it was in the day, against its model's limit."""
    hottest = today.get("temperature", "max")
    if hottest is None:
        return Part("Temperature", "–", "it tells none", "muted")
    if limit_c is None:
        return Part("Temperature", f"{hottest:.0f} °C", "hottest today; its model has no limit set", "muted")
    tone = "bad" if hottest > limit_c else "warn" if hottest > limit_c - NEAR_LIMIT_C else "good"
    return Part("Temperature", f"{hottest:.0f} °C", f"hottest today; hot above {limit_c:.0f} °C", tone)


def warnings_part(warnings: Sequence[str]) -> Part:
    """What its last reading complained of."""
    if not warnings:
        return Part("Warnings", "none", "in its last reading", "good")
    return Part("Warnings", str(len(warnings)), " · ".join(map(str, warnings)), "warn")


def uptime_tone(percent: float | None) -> str:
    """Return how good an uptime is."""
    return "muted" if percent is None else _at_least(percent, UPTIME_GOOD, UPTIME_FAIR)


def rejects_tone(percent: float | None) -> str:
    """Return how good a reject rate is."""
    if percent is None:
        return "muted"
    return "good" if percent < REJECTS_GOOD else "warn" if percent < REJECTS_FAIR else "bad"


def _at_least(value: float, good: float, fair: float) -> str:
    return "good" if value >= good else "warn" if value >= fair else "bad"
