"""How the recurring jobs have run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django_q.models import OrmQ

from hmm.models import JobRun
from hmm.replica.route import connection
from hmm.task_queue import is_in_database, queued_tasks
from metrics.query.words import Refused, check_word

JobPosition = tuple[datetime, int]
"""Where a page of job runs ended: start and id of its last one."""

MOST_SLOWEST = 1000

STATISTICS = """
SELECT name, count(*), count(*) FILTER (WHERE success), avg(duration_s),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_s),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_s),
       max(duration_s), sum(rows)::bigint, max(started_at),
       coalesce((array_agg(error ORDER BY started_at DESC, id DESC) FILTER (WHERE NOT success))[1], '')
FROM hmm_jobrun WHERE started_at >= %(start)s AND started_at < %(end)s
GROUP BY ROLLUP (name) ORDER BY name NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class JobStatistics:
    """How a job, or all of them (`name` None), ran over a time: seconds, and rows where it counts any."""

    name: str | None
    runs: int
    succeeded: int
    mean_s: float | None
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    rows: int | None
    last_started_at: datetime | None
    last_error: str

    @property
    def success_rate(self) -> float | None:
        """The share of runs that succeeded, 0..1; null where there is none."""
        return self.succeeded / self.runs if self.runs else None


def job_runs(
    *,
    name: str | None = None,
    success: bool | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    min_duration_s: float | None = None,
    limit: int | None = None,
    after: JobPosition | None = None,
) -> list[JobRun]:
    """Return runs of jobs that started in [start, end), the newest first: name, start, seconds, rows, success, error.

    Each filter narrows; `after` is (started_at, id) of the last run of the page before: runs that are added
    meanwhile come before the first page and move nothing. Raises UnknownWord for a job that has never run. One
    query, two with a name.
    """
    found = _runs(name, success, start, end)
    if min_duration_s is not None:
        found = found.filter(duration_s__gte=min_duration_s)
    if after is not None:
        at, pk = after
        found = found.filter(Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk)))
    return list(found.order_by("-started_at", "-pk")[: limit or None])


def slowest_jobs(
    *,
    n: int = 10,
    name: str | None = None,
    success: bool | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[JobRun]:
    """Return the `n` runs (1 to 1000) that took longest of those that started in [start, end), the slowest first.

    Of the same duration the newer comes first. Raises UnknownWord for a job that has never run, Refused for
    another `n`.
    """
    if not 1 <= n <= MOST_SLOWEST:
        raise Refused("n", f"must be 1 to {MOST_SLOWEST}, not {n}")
    return list(_runs(name, success, start, end).order_by("-duration_s", "-started_at", "-pk")[:n])


def job_statistics(*, start: datetime, end: datetime) -> list[JobStatistics]:
    """Return how jobs ran in [start, end): all together first (`name` None), then each by name. One query."""
    with connection.cursor() as cursor:
        cursor.execute(STATISTICS, {"start": start, "end": end})
        return [JobStatistics(*row) for row in cursor.fetchall()]


def known_jobs() -> list[str]:
    """Return the names of all jobs that have run and are remembered. One query."""
    return list(JobRun.objects.order_by("name").values_list("name", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Tasks in the queue: those that wait, null where nobody knows, and those that a worker has taken."""

    waiting: int | None
    at_work: int


def queue_depth(now: datetime) -> QueueDepth:
    """Return how much is in the task queue at `now`. One query.

    A queue on Redis forgets a task that a worker takes: there `at_work` is 0. A Redis that does not answer has nobody
    know what waits.
    """
    if not is_in_database():
        return QueueDepth(waiting=queued_tasks(), at_work=0)
    depth = OrmQ.objects.aggregate(
        waiting=Count("pk", filter=Q(lock__lte=now)), at_work=Count("pk", filter=Q(lock__gt=now))
    )
    return QueueDepth(**depth)


def _runs(
    name: str | None, success: bool | None, start: datetime | None, end: datetime | None
) -> QuerySet[JobRun]:
    if name is not None:
        check_word("name", name, known_jobs())
    wanted: dict[str, Any] = {
        "name": name,
        "success": success,
        "started_at__gte": start,
        "started_at__lt": end,
    }
    return JobRun.objects.filter(**{field: value for field, value in wanted.items() if value is not None})
