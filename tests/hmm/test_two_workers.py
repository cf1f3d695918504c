"""Two real clusters of workers on one database: each task is done, and done once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from hmm.models import DirtyRange, JobRun
from hmm.supervisor.processes import kill_session
from hmm.supervisor.watchdogs import release_tasks
from metrics.models import Metric
from miners.telemetry.bulk import BulkRow, store_history
from tests.factories import MinerFactory
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def clusters(transactional_db: None) -> Iterator[list[int]]:
    """Two clusters of the task queue, by the sessions that they lead."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": connection.settings_dict["NAME"],
        "HMM_WORKERS": "2",
        "HMM_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "manage.py", "qcluster"]
    started = [
        subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, start_new_session=True)
        for _ in range(2)
    ]
    yield [cluster.pid for cluster in started]
    for cluster in started:
        kill_session(cluster.pid)
        cluster.wait()


def done() -> Counter[str]:
    return Counter(JobRun.objects.values_list("name", flat=True))


def test_each_of_many_tasks_is_done_once_and_both_take_part(clusters: list[int]) -> None:
    names = [f"task {n}" for n in range(60)]
    for name in names:
        async_task("tests.hmm.tasks.note", name)
    wait_for(lambda: not OrmQ.objects.exists(), "the queue to be empty")
    assert done() == Counter(names)
    assert set(JobRun.objects.values_list("rows", flat=True)) == set(clusters)


def test_what_is_due_is_queued_by_one_of_them(clusters: list[int]) -> None:
    names = [f"schedule {n}" for n in range(10)]
    for name in names:
        Schedule.objects.create(
            func="tests.hmm.tasks.note", args=repr((name,)), schedule_type=Schedule.ONCE, repeats=1
        )
    wait_for(lambda: set(names) <= set(done()), "every schedule", patience_s=120)
    wait_for(lambda: not OrmQ.objects.exists(), "the queue to be empty")
    assert done() == Counter(names)


def test_the_task_of_a_killed_one_is_done_by_the_other(clusters: list[int]) -> None:
    async_task("tests.hmm.tasks.end_at_the_second_attempt", "task")
    had_it = wait_for(lambda: JobRun.objects.values_list("rows", flat=True).first(), "its first attempt")
    kill_session(had_it)
    assert release_tasks(timezone.now()) == 1  # as the supervisor does before it starts the cluster anew
    wait_for(lambda: not OrmQ.objects.exists(), "its second attempt")
    (other,) = set(clusters) - {had_it}
    assert list(JobRun.objects.order_by("pk").values_list("rows", flat=True)) == [had_it, other]


def test_the_same_job_in_both_at_once_leaves_each_figure_right(clusters: list[int]) -> None:
    """Eight runs of the engine over one day of telemetry: the day is in the store once, and nothing is left over."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, miner = today - timedelta(days=3), MinerFactory()
    rows = [
        BulkRow(start + timedelta(minutes=n), 60, 3000.0, 110_000.0, 60.0, 5000, 1, 0)
        for n in range(1, 24 * 60 + 1)
    ]
    store_history(miner.pk, rows, source="import", now=timezone.now())
    for _ in range(8):
        async_task("metrics.tasks.backfill")
    wait_for(lambda: done()["backfill"] == 8 and not OrmQ.objects.exists(), "eight runs", patience_s=120)
    assert not JobRun.objects.filter(success=False).exists()
    assert not DirtyRange.objects.exists()
    hours = Metric.objects.filter(
        metric_type="energy_cost", entity_type="miner", entity_id=miner.pk, period="hourly"
    )
    covered = [value for value in hours.values_list("value_json", flat=True) if value["records"]]
    assert (len(covered), sum(value["kwh"] for value in covered)) == (24, pytest.approx(72))
    call_command("verify_metrics")
