"""Counters and distributions: cheap, safe between threads, bounded in memory, each of one process."""

import random
import threading
from collections.abc import Sequence
from math import ceil

from hmm.system_metrics.base import Sample, Statistic, instruments

KEPT_VALUES = 10_000
"""Values a distribution keeps of a window; of more it keeps a fair sample."""

PERCENTILES = (50, 95, 99)


class Counter:
    """Counts events; writes how many there were a second."""

    def __init__(self, statistic: Statistic) -> None:
        self.statistics: tuple[Statistic, ...] = (statistic,)
        self._count = 0
        self._lock = threading.Lock()

    def add(self, events: int = 1) -> None:
        """Count `events` more."""
        with self._lock:
            self._count += events

    def drain(self, window_s: float) -> Sequence[Sample]:
        """Return the events a second; 0 is a figure too."""
        with self._lock:
            count, self._count = self._count, 0
        return [Sample(self.statistics[0], count / window_s)]


class Distribution:
    """Gathers values; writes their percentiles, and nothing of a window without a value."""

    def __init__(self, statistics: tuple[Statistic, ...]) -> None:
        self.statistics = statistics
        self._values: list[float] = []
        self._seen = 0
        self._lock = threading.Lock()
        self._random = random.Random(0)

    def observe(self, value: float) -> None:
        """Take `value`, in the unit of the statistics."""
        with self._lock:
            self._seen += 1
            if len(self._values) < KEPT_VALUES:
                self._values.append(value)
            elif (place := self._random.randrange(self._seen)) < KEPT_VALUES:
                self._values[place] = value

    def drain(self, window_s: float) -> Sequence[Sample]:
        """Return p50, p95 and p99."""
        with self._lock:
            values, self._values, self._seen = self._values, [], 0
        values.sort()
        found = [percentile(values, percent) for percent in PERCENTILES] if values else []
        return [Sample(statistic, value) for statistic, value in zip(self.statistics, found, strict=False)]


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest of the `ordered` values that at least `percent` % of them do not exceed."""
    return ordered[max(ceil(percent / 100 * len(ordered)), 1) - 1]


def counter(name: str, service: str, unit: str, help: str) -> Counter:
    """Declare a counter called `name`, which ends in _per_s."""
    made = Counter(Statistic(name, unit, service, help))
    instruments.register(name, made)
    return made


def distribution(name: str, service: str, unit: str, help: str) -> Distribution:
    """Declare a distribution: `name`, which ends in its unit, gets _p50, _p95 and _p99 behind it."""
    of = {50: "Half", 95: "95 %", 99: "99 %"}
    statistics = tuple(
        Statistic(f"{name}_p{p}", unit, service, f"{of[p]} of {help} within this", "max") for p in PERCENTILES
    )
    made = Distribution(statistics)
    instruments.register(name, made)
    return made
