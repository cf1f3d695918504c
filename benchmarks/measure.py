"""Medians of work, and their ratio to a floor that is taken in turn with it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

FLOOR = """SELECT count(*) FROM (SELECT miner_id, date_trunc('hour', timestamp), sum(power_w), count(*)
           FROM telemetry GROUP BY 1, 2) x"""


def floor() -> None:
    """One pass over all rows of telemetry, grouped by miner and hour."""
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.fetchone()


class DatabaseClock:
    """Adds up the time that statements take, from when they are sent to when they are answered."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.statements = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        started = time.perf_counter()
        self.statements += 1
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - started


def seconds(work: Callable[[], object]) -> tuple[float, DatabaseClock]:
    """Return how long `work` took, and the clock of what of it was in the database."""
    clock = DatabaseClock()
    started = time.perf_counter()
    with connection.execute_wrapper(clock):
        work()
    return time.perf_counter() - started, clock


def processor_s() -> tuple[float, float]:
    """Return the processor time so far of this process and of its connection's backend, which must be on this Linux."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        spent = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return time.process_time(), int(spent.read_text().split()[0]) / 1e9 if spent.exists() else float("nan")


def heading() -> None:
    """Print what the columns of `measure` are."""
    print(
        f"{'':52} {'median':>12} {'in database':>12} {'statements':>10} {'processor, here + server':>25}   beside a floor of"
    )


@dataclass(slots=True)
class Taken:
    """What each time of some work took, in seconds: as a whole, in the database, and of both processors."""

    whole: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    here: list[float] = field(default_factory=list)
    there: list[float] = field(default_factory=list)
    statements: int = 0

    def once_more(self, work: Callable[[], object]) -> None:
        """Do the work, and note what it took."""
        before = processor_s()
        whole, clock = seconds(work)
        after = processor_s()
        self.whole.append(whole)
        self.inside.append(clock.seconds)
        self.here.append(after[0] - before[0])
        self.there.append(after[1] - before[1])
        self.statements = clock.statements

    def line(self, name: str) -> str:
        """Return the medians in the columns of `heading`."""
        whole, inside, here, there = (
            1e3 * statistics.median(found) for found in (self.whole, self.inside, self.here, self.there)
        )
        processor = f"{here:.2f} + {there:.2f} ms"
        return f"{name:52} {whole:9.2f} ms {inside:9.2f} ms {self.statements:10} {processor:>25}"


def measure(
    name: str,
    work: Callable[[], object],
    times: int,
    prepare: Callable[[], object] = lambda: None,
    beside: Callable[[], object] = floor,
    *,
    again: bool = False,
) -> float:
    """Print the medians of `work` and their ratio to the floor `beside` it; return that of the whole, in seconds.

    `again` has it done a second time right after: the floor goes through far more memory than the processor's caches
    hold, and what lasts some milliseconds takes half as long again to fill them.
    """
    floors, first, second = [], Taken(), Taken()
    for _ in range(times):
        floors.append(seconds(beside)[0])
        for taken in (first, second) if again else (first,):
            prepare()
            taken.once_more(work)
    bare, whole = statistics.median(floors), statistics.median(first.whole)
    print(f"{first.line(name)}   {bare:.4f} s: × {whole / bare:.3f}")
    if again:
        print(second.line("  once more, right after"))
    return whole


def one_after_the_other(work: Callable[[], object], times: int, prepare: Callable[[], object]) -> None:
    """Print the medians of `work` done again and again, with nothing between that empties the processor's caches."""
    taken = Taken()
    for _ in range(times):
        prepare()
        taken.once_more(work)
    print(taken.line("  one after the other"))
