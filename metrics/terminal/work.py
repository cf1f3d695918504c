"""How jobs have run, how much is queued, and which services live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hmm.health import silent_services
from hmm.jobs import ON_DEMAND
from hmm.models import Heartbeat
from metrics.query import JobStatistics, QueueDepth, job_statistics, queue_depth
from metrics.query.summary import JOBS_SPAN
from metrics.terminal.thresholds import Level, Verdict, job_verdict, queue_verdict, success_verdict, worst


@dataclass(frozen=True, slots=True)
class Work:
    """Jobs in order of their names, all of them together, the queue, and the services' last signs of life."""

    all_jobs: JobStatistics
    jobs: list[JobStatistics]
    queue: QueueDepth
    beats: Mapping[str, datetime]
    silent: Mapping[str, str]

    @property
    def level(self) -> Level:
        """The worst of it all."""
        jobs = (verdict_on(job).level for job in self.jobs)
        queue = queue_verdict(self.queue.waiting).level
        return worst([*jobs, queue, *(Level.BAD for _ in self.silent)])


def verdict_on(job: JobStatistics) -> Verdict:
    """Is it fine, failing, slow? Only what the schedule runs again and again can be slow."""
    if job.name in ON_DEMAND:
        return success_verdict(job.success_rate)
    return job_verdict(job.success_rate, job.p99_s)


def read_work(now: datetime) -> Work:
    """Return how the work in the background stands at `now`. Three queries."""
    all_jobs, *jobs = job_statistics(start=now - JOBS_SPAN, end=now)
    beats = dict(Heartbeat.objects.order_by("service").values_list("service", "at"))
    return Work(all_jobs, jobs, queue_depth(now), beats, silent_services(beats, now))
