"""The progress of long computations: a bar on a terminal, lines elsewhere."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from metrics.terminal.progress import DaysProgress, days_within

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)


def day(n: float) -> datetime:
    return BEGIN + timedelta(days=n)


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def console(*, terminal: bool) -> Console:
    return Console(file=StringIO(), force_terminal=terminal, width=120, color_system=None)


def said(on: Console) -> str:
    assert isinstance(on.file, StringIO)
    return on.file.getvalue()


def compute(progress: DaysProgress, clock: Clock, chunks: int, of_days: int = 10, first: int = 0) -> None:
    """Get chunks done, each in 5 s with 1000 rows a day."""
    for n in range(first, first + chunks):
        clock.now_s += 5
        progress.chunk_done(day(n * of_days), day((n + 1) * of_days), of_days * 1000)


def test_a_terminal_shows_days_rows_pace_and_what_is_left(clock: Clock) -> None:
    screen = console(terminal=True)
    with DaysProgress([(day(0), day(100))], screen, clock=clock) as progress:
        compute(progress, clock, 4)
        progress._bar.refresh()
        shown = said(screen).rpartition("Computing")[2]
    assert "40 of 100 days · 40,000 rows · 2,000 rows/s · 0:00:20 · left 0:00:30" in shown
    assert "━" in shown
    assert "100 of 100 days · 40,000 rows" in said(screen).rpartition("Computing")[2]


def test_elsewhere_a_line_each_ten_seconds_and_one_at_the_end(clock: Clock) -> None:
    log = console(terminal=False)
    with DaysProgress([(day(0), day(50))], log, clock=clock) as progress:
        compute(progress, clock, 5)
    assert said(log).splitlines() == [
        "Computing: 20 of 50 days · 20,000 rows · 2,000 rows/s · 0:00:10 · left 0:00:15",
        "Computing: 40 of 50 days · 40,000 rows · 2,000 rows/s · 0:00:20 · left 0:00:05",
        "Computing: 50 of 50 days · 50,000 rows · 2,000 rows/s · 0:00:25 · left 0:00:00",
    ]


def test_with_nothing_to_do_nothing_is_said(clock: Clock) -> None:
    log = console(terminal=False)
    with DaysProgress([], log, clock=clock):
        pass
    assert said(log) == ""


def test_a_run_that_is_stopped_says_how_far_it_came(clock: Clock) -> None:
    log = console(terminal=False)
    with suppress(KeyboardInterrupt), DaysProgress([(day(0), day(50))], log, clock=clock) as progress:
        compute(progress, clock, 1)
        raise KeyboardInterrupt
    assert said(log) == "Computing: 10 of 50 days · 10,000 rows · 2,000 rows/s · 0:00:05 · left -:--:--\n"


def test_what_lies_between_the_stretches_does_not_count(clock: Clock) -> None:
    log = console(terminal=False)
    with DaysProgress([(day(0), day(10)), (day(95), day(105))], log, clock=clock) as progress:
        compute(progress, clock, 2, of_days=31)
        compute(progress, clock, 1, of_days=10, first=9)
        assert said(log).splitlines()[-1].startswith("Computing: 10 of 20 days")
    assert said(log).splitlines()[-1].startswith("Computing: 20 of 20 days")


edges = st.lists(st.integers(0, 1000), min_size=2, max_size=20, unique=True).map(sorted)


@given(edges, st.integers(0, 1000))
def test_parts_of_stretches_add_up(found: list[int], cut: int) -> None:
    stretches = [(day(a), day(b)) for a, b in zip(found[::2], found[1::2], strict=False)]
    parts = [(day(0), day(cut)), (day(cut), day(1000))]
    whole = sum(b - a for a, b in zip(found[::2], found[1::2], strict=False))
    assert days_within(stretches) == pytest.approx(whole)
    assert sum(days_within(stretches, part) for part in parts) == pytest.approx(whole)
