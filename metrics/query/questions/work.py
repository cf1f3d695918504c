"""Questions about jobs, and the summary."""

from argparse import ArgumentParser, BooleanOptionalAction
from dataclasses import asdict
from math import inf
from typing import Any

from hmm.models import JobRun
from metrics.query.jobs import JobStatistics, job_runs, job_statistics, slowest_jobs
from metrics.query.questions.base import (
    Answer,
    Options,
    Present,
    Question,
    Row,
    of_count,
    of_page,
    of_range,
    page_size,
    paged,
    position_of,
    range_of,
)
from metrics.query.summary import summary
from metrics.query.words import Refused


def _jobs(options: Options, at: Present) -> Answer:
    found = job_runs(
        **_filters(options, at),
        min_duration_s=_min_duration_s(options),
        limit=page_size(options),
        after=position_of(options, (int,)),
    )
    return paged(options, found, _run, lambda run: (run.started_at, run.pk))


def _slowest(options: Options, at: Present) -> Answer:
    return Answer([_run(run) for run in slowest_jobs(n=options["n"], **_filters(options, at))])


def _statistics(options: Options, at: Present) -> Answer:
    span = range_of(options, at, "hourly")
    return Answer([_job(job) for job in job_statistics(start=span.start, end=span.end)])


def _summary(options: Options, at: Present) -> Answer:
    found = summary(at.now)
    return Answer([asdict(found) | {"jobs": _job(found.jobs)}])


def _min_duration_s(options: Options) -> float | None:
    seconds = options["min_duration"]
    if seconds is not None and not 0 <= seconds < inf:
        raise Refused("min_duration", f"must be 0 or more seconds, not {seconds}")
    return None if seconds is None else float(seconds)


def _filters(options: Options, at: Present) -> dict[str, Any]:
    span = range_of(options, at, "hourly")
    return {
        "name": options["name"],
        "success": options["success"],
        "start": span.start,
        "end": span.end,
    }


def _run(run: JobRun) -> Row:
    return {
        "name": run.name,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "rows": run.rows,
        "success": run.success,
        "error": run.error,
    }


def _job(job: JobStatistics) -> Row:
    return asdict(job) | {"success_rate": job.success_rate}


def _of_jobs(parser: ArgumentParser) -> None:
    parser.add_argument("--name", help="runs of this job alone, such as run_hourly")
    parser.add_argument("--success", action=BooleanOptionalAction, help="those that succeeded, or did not")


def _of_duration(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--min-duration", type=float, metavar="S", help="those that took so many seconds or more"
    )


QUESTIONS = (
    Question(
        "jobs",
        "runs of the recurring jobs, the newest first; of the last day unless told",
        "manage.py query jobs --no-success --days 7",
        (_of_jobs, of_range, _of_duration, of_page),
        _jobs,
    ),
    Question(
        "slowest",
        "the runs that took longest; of the last day unless told",
        "manage.py query slowest -n 5 --days 30",
        (_of_jobs, of_range, of_count),
        _slowest,
    ),
    Question(
        "job-statistics",
        "each job's runs, successes and durations; of the last day unless told",
        "manage.py query job-statistics --days 7",
        (of_range,),
        _statistics,
    ),
    Question(
        "summary",
        "the fleet now: miners, power, price, today, jobs, queue",
        "manage.py query summary",
        (),
        _summary,
    ),
)
