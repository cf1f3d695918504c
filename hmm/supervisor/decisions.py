"""What the supervisor decides, apart from clocks and processes: when to start again, and what has stalled."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum


@dataclass(frozen=True)
class Backoff:
    """How long a service that died waits: doubling up to a longest pause, forgotten after a healthy time."""

    first_s: float = 1.0
    longest_s: float = 60.0
    healthy_s: float = 60.0

    def failures_after(self, failures: int, lived_s: float) -> int:
        """Return how many times in a row the service has failed, now that it died after `lived_s`."""
        return 1 if lived_s >= self.healthy_s else failures + 1

    def pause_s(self, failures: int) -> float:
        """Return the pause before the next start after `failures` in a row."""
        doublings = min(max(failures - 1, 0), 32)
        return min(self.longest_s, self.first_s * 2.0**doublings)


class Verdict(Enum):
    """What to do about a watched service."""

    WAIT = "wait"
    ASK = "ask it for a sign of life"
    BUSY = "busy, so alive"
    STALLED = "stalled"


@dataclass(frozen=True)
class Limits:
    """How often to ask, how long an answer may take, and how much time one look can stand for.

    A look that comes late (the machine slept, the supervisor was stopped) counts as `longest_look_s` only:
    the watched service had no time to answer either.
    """

    ask_every_s: float = 15.0
    stalled_after_s: float = 45.0
    longest_look_s: float = 5.0


@dataclass(frozen=True)
class Sight:
    """What one look saw. `progress` is anything that changes whenever the service gets something done."""

    progress: Hashable
    elapsed_s: float
    busy: int = 0
    capacity: int = 1


@dataclass(frozen=True)
class Watch:
    """What is remembered between looks; `progress` is None before the first."""

    progress: Hashable = None
    asked: bool = False
    quiet_s: float = 0.0


def look(watch: Watch, sight: Sight, limits: Limits) -> tuple[Watch, Verdict]:
    """Return what to remember and what to do.

    Busy and stalled both leave a question unanswered. The difference is a free worker: while every worker
    is in the middle of a task the question rightly waits; with one free it would have been answered.
    """
    if watch.progress is not None and sight.progress != watch.progress:
        return Watch(sight.progress), Verdict.WAIT
    quiet_s = watch.quiet_s + min(sight.elapsed_s, limits.longest_look_s)
    seen = replace(watch, progress=sight.progress, quiet_s=quiet_s)
    if sight.busy >= sight.capacity:
        return _all_busy(seen, limits)
    if not seen.asked and quiet_s >= limits.ask_every_s:
        return Watch(sight.progress, asked=True), Verdict.ASK
    if seen.asked and quiet_s >= limits.stalled_after_s:
        return Watch(), Verdict.STALLED
    return seen, Verdict.WAIT


def _all_busy(seen: Watch, limits: Limits) -> tuple[Watch, Verdict]:
    if seen.quiet_s >= limits.ask_every_s:
        return Watch(seen.progress), Verdict.BUSY
    return replace(seen, asked=False), Verdict.WAIT
