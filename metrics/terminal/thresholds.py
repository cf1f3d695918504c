"""From when on something is yellow or red, and the word that says so where there is no colour."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

FAILING_BELOW = 0.9
"""A job that succeeds less often than this (0..1) is red; one that ever fails is yellow."""

SLOW_S, SLOWISH_S = 5.0, 2.5
"""A job whose p99 lasts longer, in seconds."""

BACKLOG, FILLING = 50, 25
"""A queue with more tasks waiting than this."""


class Level(StrEnum):
    """How bad something is, the least first. The names are those of the dashboard's tones."""

    MUTED = "muted"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Verdict(NamedTuple):
    """A level and its word."""

    level: Level
    word: str


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of them; good when there is none."""
    order = list(Level)
    return max(levels, key=order.index, default=Level.GOOD)


def miner_level(tone: str, is_hot: bool) -> Level:
    """Return the level of a miner from the tone of its state: a hot one is red whatever it does."""
    return Level.BAD if is_hot else Level(tone)


def success_verdict(success_rate: float | None) -> Verdict:
    """Return the verdict on a job that succeeds at this rate (0..1), None where it has not run."""
    if success_rate is None:
        return Verdict(Level.MUTED, "no runs")
    if success_rate < FAILING_BELOW:
        return Verdict(Level.BAD, "failing")
    return Verdict(Level.WARN, "some failed") if success_rate < 1 else Verdict(Level.GOOD, "fine")


def duration_verdict(p99_s: float | None) -> Verdict:
    """Return the verdict on a job of which 99 in 100 runs last at most `p99_s` seconds."""
    if p99_s is None:
        return Verdict(Level.MUTED, "no runs")
    if p99_s > SLOW_S:
        return Verdict(Level.BAD, "slow")
    return Verdict(Level.WARN, "slowish") if p99_s > SLOWISH_S else Verdict(Level.GOOD, "fine")


def job_verdict(success_rate: float | None, p99_s: float | None) -> Verdict:
    """Return the worse of the two verdicts on a job, with both words where both are worth a look."""
    found = (success_verdict(success_rate), duration_verdict(p99_s))
    level = worst(verdict.level for verdict in found)
    words = [verdict.word for verdict in found if verdict.level in (Level.WARN, Level.BAD)]
    return Verdict(level, ", ".join(words) or found[0].word)


def queue_verdict(waiting: int | None) -> Verdict:
    """Return the verdict on a queue with so many tasks waiting, None where it does not answer."""
    if waiting is None:
        return Verdict(Level.BAD, "Redis does not answer")
    if waiting > BACKLOG:
        return Verdict(Level.BAD, "backlog")
    return Verdict(Level.WARN, "filling") if waiting > FILLING else Verdict(Level.GOOD, "fine")
