"""How far a computation of many days is: a bar on a terminal, elsewhere a line now and then."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

DAY = timedelta(days=1)

A_LINE_EACH_S = 10.0
"""Where there is no terminal, so many seconds at least lie between two lines."""

PACE_OVER_S = 600.0
"""What is left is reckoned from the pace of so many seconds: chunks are of very different lengths."""

Stretch = tuple[datetime, datetime]


WORDS = (
    TextColumn("{task.completed:,.0f} of {task.total:,.0f} days · {task.fields[rows]:,} rows ·"),
    TextColumn("{task.fields[pace]} rows/s ·"),
    TimeElapsedColumn(),
    TextColumn("· left"),
    TimeRemainingColumn(),
)


class DaysProgress:
    """A computation of `stretches`, which do not overlap, told of as the chunks of it get done. A context manager."""

    def __init__(
        self, stretches: Sequence[Stretch], console: Console, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stretches = stretches
        self._console = console
        self._clock = clock
        self._bar = Progress(
            TextColumn("Computing"),
            BarColumn(),
            *WORDS,
            console=console,
            get_time=clock,
            speed_estimate_period=PACE_OVER_S,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=days_within(stretches), rows=0, pace="–")
        self._said_at = clock()
        self._unsaid = False

    def __enter__(self) -> "DaysProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            # The engine beside may have done some of it.
            self._bar.update(self._task, completed=self._bar.tasks[self._task].total)
        if self._unsaid:
            self._say()
        self._bar.stop()

    def chunk_done(self, start: datetime, end: datetime, rows: int) -> None:
        """Count [start, end) as computed, which wrote so many rows."""
        task = self._bar.tasks[self._task]
        done = min(task.completed + days_within(self._stretches, (start, end)), task.total or 0.0)
        rows += task.fields["rows"]
        # As of now: were it reckoned while the next chunk is at work, it would fall and fall.
        pace = f"{rows / task.elapsed:,.0f}" if task.elapsed else "–"
        self._bar.update(self._task, completed=done, rows=rows, pace=pace)
        self._unsaid = True
        if self._clock() - self._said_at >= A_LINE_EACH_S:
            self._say()

    def _say(self) -> None:
        self._said_at, self._unsaid = self._clock(), False
        if not self._console.is_terminal:
            task = self._bar.tasks[self._task]
            words = " ".join(column.render(task).plain for column in WORDS)
            self._console.print(f"Computing: {words}", soft_wrap=True, highlight=False)


def days_within(stretches: Sequence[Stretch], part: Stretch | None = None) -> float:
    """Return how many days long the stretches are, or what of them lies in `part`."""
    cut = [(max(a, part[0]), min(b, part[1])) for a, b in stretches] if part else stretches
    return sum((b - a) / DAY for a, b in cut if a < b)
