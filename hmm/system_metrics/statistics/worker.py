"""How the task queue and the recurring jobs are doing, from what they note in the database."""

from hmm.system_metrics.probes import probe
from hmm.task_queue import is_in_database, queued_tasks

RUNS = """
SELECT {value} FROM hmm_jobrun
WHERE started_at > %(since)s - INTERVAL '1 day'
  AND started_at + duration_s * INTERVAL '1 second' > %(since)s
  AND started_at + duration_s * INTERVAL '1 second' <= %(until)s
"""

queue_depth = probe(
    "queue_depth_tasks",
    "worker",
    "tasks",
    "Tasks in the queue, those being done included where it is in the database",
    "SELECT count(*), NULL FROM django_q_ormq",
    elsewhere=None if is_in_database() else queued_tasks,
)
job_duration = probe(
    "job_duration_ms",
    "worker",
    "ms",
    "The longest run of each recurring job that has ended since the last look; the tag job names it",
    RUNS.format(value="max(duration_s) * 1000, jsonb_build_object('job', name)") + " GROUP BY name",
    "max",
)
jobs_ok = probe(
    "jobs_ok_count",
    "worker",
    "runs",
    "Runs of recurring jobs that have succeeded since the last look",
    RUNS.format(value="count(*) FILTER (WHERE success), NULL"),
)
jobs_failed = probe(
    "jobs_failed_count",
    "worker",
    "runs",
    "Runs of recurring jobs that have failed since the last look",
    RUNS.format(value="count(*) FILTER (WHERE NOT success), NULL"),
)
