"""Which process reports what: every web process, the collector, and each worker the probes, after it has forked."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.management.commands.qcluster import Command as ClusterCommand

from hmm import gunicorn_hooks
from hmm.models import JobRun, SystemMetric
from hmm.schedule import STEADY
from hmm.steady import Steady
from hmm.supervisor.house import House
from hmm.system_metrics import reporter, tasks
from hmm.system_metrics.partitions import AHEAD, partition_name
from tests.hmm.system_metrics.rows import put
from tests.hmm.system_metrics.test_table import partitions


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the reporters and of the steady work that were started, none of which runs."""
    names: list[str] = []
    for kind in (reporter.Reporter, Steady):
        monkeypatch.setattr(kind, "start", lambda self: names.append(self._name) or self)
    return names


def test_each_web_process_reports_once_it_has_been_forked(started: list[str], tmp_path: Any) -> None:
    web = House(tmp_path, tmp_path, "127.0.0.1", 8000).services()[0]
    assert web.argv[web.argv.index("--config") + 1] == f"python:{gunicorn_hooks.__name__}"
    gunicorn_hooks.post_worker_init(object())
    assert started == ["web"]


def test_a_worker_probes_once_its_cluster_runs(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[list[str]] = []
    monkeypatch.setattr(ClusterCommand, "handle", lambda self, *args, **options: order.append(list(started)))
    call_command("qcluster")
    assert order == [[]]
    assert started == ["the database", *(func for func, _ in STEADY)]


def test_a_cluster_that_runs_once_does_not_probe(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClusterCommand, "handle", lambda self, *args, **options: None)
    call_command("qcluster", run_once=True)
    assert started == []


@pytest.mark.django_db(transaction=True)
def test_the_job_drops_what_is_older_than_the_setting(settings: Any) -> None:
    settings.SYSTEM_METRICS_DAYS = 2
    now = timezone.now()
    put(now - timedelta(days=2, hours=1), "old", "web", 1)
    put(now - timedelta(days=1, hours=23), "young", "web", 1)
    assert tasks.keep_hours() >= 1
    assert [row.metric_name for row in SystemMetric.objects.all()] == ["young"]
    assert JobRun.objects.filter(name="keep_system_metrics", success=True).exists()


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_the_job_makes_the_hours_of_a_day_ahead() -> None:
    now = timezone.now()
    tasks.keep_hours()
    ahead = {partition_name(now + timedelta(hours=n)) for n in range(int(AHEAD / timedelta(hours=1)))}
    assert ahead <= partitions()
