"""Recurring jobs: the record of each run, the worker's sign of life, and tidying up."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import Failure

from hmm.health import beat
from hmm.models import JobRun

P = ParamSpec("P")
R = TypeVar("R")

KEEP_RUNS = timedelta(days=90)
KEEP_FAILURES = timedelta(days=30)
LONGEST_ERROR = 4000
ON_DEMAND = frozenset({"backfill"})
"""Jobs that no schedule runs: asked for once, as when history is added, they last as long as there is to do."""


class recorded_job:
    """Writes a JobRun when the block or the function ends, however it ends; errors pass through.

    As a decorator the function's result, where it is a number, is the count of rows; as a context manager
    the block sets `rows`. Put it outside the job's transactions, or the record is rolled back with them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: int | None = None

    def __enter__(self) -> "recorded_job":
        self._started_at = timezone.now()
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        JobRun.objects.create(
            name=self.name,
            started_at=self._started_at,
            duration_s=time.monotonic() - self._started,
            rows=self.rows,
            success=error is None,
            error=describe(error)[:LONGEST_ERROR],
        )

    def __call__(self, job: Callable[P, R]) -> Callable[P, R]:
        @wraps(job)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
            with recorded_job(self.name) as run:
                result = job(*args, **kwargs)
                run.rows = rows_in(result)
                return result

        return recorded


def describe(error: BaseException | None) -> str:
    """Return an error's kind and message, empty for none."""
    return "" if error is None else f"{type(error).__name__}: {error}"


def rows_in(result: object) -> int | None:
    """Return the count that a job returned, or None where it returned something else."""
    return result if isinstance(result, int) and not isinstance(result, bool) else None


def heartbeat() -> None:
    """Pass through the task queue, as a sign that it does its tasks."""
    beat("worker", timezone.now())


@recorded_job("tidy_up")
def tidy_up() -> int:
    """Forget old records of jobs, old failed tasks and sessions that are over; return how many."""
    return forget_before(timezone.now())


def forget_before(now: datetime) -> int:
    """Delete what nobody needs any more at `now`; return how many rows."""
    old_runs, _ = JobRun.objects.filter(started_at__lt=now - KEEP_RUNS).delete()
    old_failures, _ = Failure.objects.filter(stopped__lt=now - KEEP_FAILURES).delete()
    over, _ = Session.objects.filter(expire_date__lt=now).delete()
    return old_runs + old_failures + over
