"""The metrics' recurring jobs. Each may run twice, late, or beside another: what is filled stays filled."""

from django.utils import timezone

from hmm.jobs import recorded_job
from metrics.engine.open_sums import LASTS
from metrics.engine.run import FOR_EVER, Busy, run
from metrics.query.prepared import keep_open_sums
from metrics.retention.apply import apply_retention
from metrics.strategies.figures import keep_figures


def run_hourly() -> int:
    """Fill slots and hours, and compute what has changed."""
    return _recorded_run("run_hourly", "hourly")


def run_daily() -> int:
    """Fill days."""
    return _recorded_run("run_daily", "daily")


def run_weekly() -> int:
    """Fill ISO weeks."""
    return _recorded_run("run_weekly", "weekly")


def run_monthly() -> int:
    """Fill months."""
    return _recorded_run("run_monthly", "monthly")


def sum_open_slot() -> bool:
    """Sum what sites have done in the open slot, where pages of a farm need that; say whether they do."""
    now = timezone.now()
    if are_worth_it := keep_open_sums(now):
        keep_figures(now)
    return are_worth_it


def freshen_open_slot() -> bool:
    """Have the sums of the open slot renewed before a reader would find them too old; say whether there are any."""
    return keep_open_sums(timezone.now(), LASTS / 2)


@recorded_job("backfill")
def backfill() -> int:
    """Compute all that is missing or dirty, waiting for whoever is at it."""
    return run(timezone.now(), wait_s=FOR_EVER)


@recorded_job("apply_retention")
def run_retention() -> int:
    """Delete what is older than it is kept; return how many rows."""
    return sum(outcome.rows for outcome in apply_retention(timezone.now()))


def _recorded_run(name: str, through: str) -> int:
    with recorded_job(name) as job:
        try:
            job.rows = run(timezone.now(), through)
        except Busy:  # whoever is at it computes the same, and leaves nothing out
            job.rows = 0
        return job.rows
