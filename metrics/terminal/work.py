"""How jobs have run, how much is queued, and which services live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q
from django_q.models import OrmQ

from hmm.health import silent_services
from hmm.models import Heartbeat
from metrics.terminal.thresholds import Level, Verdict, job_verdict, queue_verdict, worst

JOBS_SPAN = timedelta(hours=24)
"""How far back runs of jobs are counted."""

READ_JOBS = """
SELECT name, count(*), count(*) FILTER (WHERE success),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_s),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_s),
       max(started_at),
       coalesce((array_agg(error ORDER BY started_at DESC) FILTER (WHERE NOT success))[1], '')
FROM hmm_jobrun WHERE started_at > %s AND started_at <= %s
GROUP BY ROLLUP (name) ORDER BY name NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class JobRuns:
    """How a job, or all of them (`name` None), ran of late; what there is none of is null."""

    name: str | None
    runs: int
    succeeded: int
    p50_s: float | None
    p99_s: float | None
    last_at: datetime | None
    last_error: str

    @property
    def success_rate(self) -> float | None:
        """The share of runs that succeeded, 0..1."""
        return self.succeeded / self.runs if self.runs else None

    @property
    def verdict(self) -> Verdict:
        """Is it fine, failing, slow?"""
        return job_verdict(self.success_rate, self.p99_s)


@dataclass(frozen=True, slots=True)
class Work:
    """Jobs in order of their names, all of them together, the queue, and the services' last signs of life."""

    all_jobs: JobRuns
    jobs: list[JobRuns]
    waiting: int
    at_work: int
    beats: Mapping[str, datetime]
    silent: Mapping[str, str]

    @property
    def queue(self) -> Verdict:
        """Is the queue fine, filling, a backlog?"""
        return queue_verdict(self.waiting)

    @property
    def level(self) -> Level:
        """The worst of it all."""
        jobs = (job.verdict.level for job in self.jobs)
        return worst([*jobs, self.queue.level, *(Level.BAD for _ in self.silent)])


def read_work(now: datetime) -> Work:
    """Return how the work in the background stands at `now`. Three queries."""
    everything, *jobs = _read_jobs(now)
    depth = OrmQ.objects.aggregate(
        waiting=Count("pk", filter=Q(lock__lte=now)), at_work=Count("pk", filter=Q(lock__gt=now))
    )
    beats = dict(Heartbeat.objects.order_by("service").values_list("service", "at"))
    return Work(everything, jobs, depth["waiting"], depth["at_work"], beats, silent_services(beats, now))


def _read_jobs(now: datetime) -> list[JobRuns]:
    with connection.cursor() as cursor:
        cursor.execute(READ_JOBS, [now - JOBS_SPAN, now])
        return [JobRuns(*figures) for figures in cursor.fetchall()]
