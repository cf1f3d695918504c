"""How the recurring jobs have run in the last day, and how much waits in their queue."""

from datetime import datetime
from typing import Any

from metrics.query import JobStatistics
from metrics.system.base import Block, blocks
from metrics.terminal.thresholds import queue_verdict
from metrics.terminal.work import read_work, verdict_on


def context(now: datetime) -> dict[str, Any]:
    """Return every job with its verdict, those that have run last first, and the queue."""
    work = read_work(now)
    return {
        "jobs": [(job, verdict_on(job)) for job in sorted(work.jobs, key=_newest, reverse=True)],
        "queue": work.queue,
        "queue_verdict": queue_verdict(work.queue.waiting),
    }


def _newest(job: JobStatistics) -> tuple[bool, datetime | None]:
    return job.last_started_at is not None, job.last_started_at


blocks.register("jobs", Block("jobs", "Jobs and queue", 30, "metrics/system/_jobs.html", context))
