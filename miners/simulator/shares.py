"""Shares: Poisson arrivals in the work done, so that they fit hashrate and difficulty however it changes."""

from dataclasses import dataclass
from random import Random

from miners.simulator.poisson import poisson


@dataclass(frozen=True)
class Counters:
    """What a device has counted since it booted; `best_ever` alone outlives a boot.

    `last_share_gh` is the work that had been done at the last share.
    """

    accepted: int
    rejected: int
    best_session: float
    best_ever: float
    last_share_gh: float


class Shares:
    """The shares one device finds. `count_to` must be called with work that never falls."""

    def __init__(self, rng: Random, difficulty: int, interval_gh: float, reject_share: float) -> None:
        self._rng = rng
        self._difficulty = difficulty
        self._interval_gh = interval_gh
        self._reject_share = reject_share
        self._best_ever = 0.0
        self.reset()

    def reset(self) -> None:
        """Begin a new session, as a boot does."""
        self._accepted = self._rejected = 0
        self._best_session = 0.0
        self._last_share_gh = 0.0
        self._next_gh = self._rng.expovariate(1.0) * self._interval_gh

    def assume(self, work_gh: float) -> None:
        """Count what `work_gh` of work before now brings, all at once."""
        found = poisson(self._rng, work_gh / self._interval_gh)
        self._rejected = poisson(self._rng, found * self._reject_share)
        self._accepted = max(0, found - self._rejected)
        if found:
            self._note_best(self._difficulty * found / self._rng.expovariate(1.0))
        self._last_share_gh = work_gh
        self._next_gh = work_gh + self._rng.expovariate(1.0) * self._interval_gh

    def count_to(self, work_gh: float) -> None:
        """Count the shares found until `work_gh` of work has been done since boot."""
        while self._next_gh <= work_gh:
            self._find()

    def counters(self) -> Counters:
        """Return the counts so far."""
        return Counters(
            self._accepted, self._rejected, self._best_session, self._best_ever, self._last_share_gh
        )

    def _find(self) -> None:
        self._last_share_gh = self._next_gh
        self._next_gh += self._rng.expovariate(1.0) * self._interval_gh
        self._note_best(self._difficulty / (1.0 - self._rng.random()))
        if self._rng.random() < self._reject_share:
            self._rejected += 1
        else:
            self._accepted += 1

    def _note_best(self, difficulty: float) -> None:
        self._best_session = max(self._best_session, difficulty)
        self._best_ever = max(self._best_ever, difficulty)
