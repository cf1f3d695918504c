"""The watchdog of the task queue: busy is not stalled, and a cluster stalled for good is restarted."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task
from redis.exceptions import RedisError

from hmm.health import beat, last_beat
from hmm.supervisor import watchdogs
from hmm.supervisor.busy import busy_dir, busy_workers, forget_marks, mark_busy, mark_idle, progress
from hmm.supervisor.decisions import Limits
from hmm.supervisor.loop import Supervisor
from hmm.supervisor.processes import session_members
from hmm.supervisor.service import Service
from hmm.supervisor.watchdogs import HEARTBEAT, BeatWatchdog, QueueWatchdog, release_tasks
from tests.waiting import wait_for

LIMITS = Limits(ask_every_s=15, stalled_after_s=45, longest_look_s=5)


@pytest.fixture
def cluster() -> Iterator[int]:
    """The id of a process that leads a session and does nothing, in the place of a cluster."""
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process.pid
    process.kill()
    process.wait()
    forget_marks()


@pytest.fixture
def watchdog(transactional_db, cluster) -> QueueWatchdog:
    """A watchdog of `cluster`, a cluster with one worker, that has looked once."""
    made = QueueWatchdog(LIMITS, workers=1)
    made.started(cluster)
    assert made.stalled(5) is None
    return made


def verdicts(watchdog: QueueWatchdog | BeatWatchdog, looks: int) -> list[str]:
    """Look so often, 5 s apart; return each reason to restart."""
    return [reason for _ in range(looks) if (reason := watchdog.stalled(5))]


def test_queue_is_asked_at_once_and_not_again_while_it_owes_an_answer(watchdog):
    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().task["func"] == HEARTBEAT
    verdicts(watchdog, 8)
    assert OrmQ.objects.count() == 1


def test_queue_that_answers_nothing_is_stalled(watchdog):
    assert verdicts(watchdog, 8) == []
    assert watchdog.stalled(5) == "no sign of life for 45 s"


def test_busy_worker_is_alive_and_said_to_be(watchdog, cluster):
    (busy_dir() / str(cluster)).write_text("a.long.task")
    assert verdicts(watchdog, 100) == []
    assert last_beat("worker") is not None


def test_mark_of_a_dead_worker_is_no_excuse(watchdog):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (busy_dir() / str(dead.pid)).write_text("a.long.task")
    assert verdicts(watchdog, 20)


def test_database_that_refuses_is_no_reason_to_restart(watchdog, monkeypatch):
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "no_such_database"
    try:
        for _ in range(30):
            watchdog.started(watchdog._newest.pid)  # a new run must always be met in the database
            assert watchdog.stalled(5) is None
    finally:
        connection.settings_dict["NAME"] = name


@pytest.mark.parametrize("error", [RedisError("connection refused"), ZeroDivisionError("a fault")])
def test_queue_that_takes_nothing_is_no_reason_to_restart_and_said_once(watchdog, monkeypatch, caplog, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(watchdogs, "async_task", refuse)
    for _ in range(3):
        watchdog.started(os.getpid())  # a new run is asked at once
        assert watchdog.stalled(5) is None
    assert sum("cannot watch over the services" in record.message for record in caplog.records) == 1


def test_a_stray_file_is_no_mark_of_a_worker(cluster):
    (busy_dir() / ".nfs0001").touch()
    (busy_dir() / str(cluster)).write_text("a.long.task")
    assert busy_workers(cluster) == 1


def test_task_in_hand_is_marked_and_both_ends_are_progress():
    before = progress()
    mark_busy(task={"func": "a.task"})
    taken = progress()
    assert busy_workers(os.getsid(0)) == 1
    mark_idle(task={"func": "a.task"})
    assert busy_workers(os.getsid(0)) == 0
    assert before < taken < progress()


@pytest.mark.django_db
def test_tasks_of_the_cluster_before_are_given_back_and_those_of_this_one_kept():
    now = timezone.now()
    retry = timedelta(seconds=Conf.RETRY)
    locks = {"waiting": now, "before": now - timedelta(seconds=60) + retry, "since": now + retry}
    for payload, until in locks.items():
        OrmQ.objects.create(key=Conf.CLUSTER_NAME, payload=payload, lock=until)
    OrmQ.objects.create(key="another", payload="another", lock=locks["before"])
    assert release_tasks(now - timedelta(seconds=30)) == 1
    assert OrmQ.objects.get(payload="before").lock <= timezone.now()
    assert OrmQ.objects.get(payload="since").lock == locks["since"]
    assert OrmQ.objects.get(payload="another").lock == locks["before"]


def test_service_that_stops_beating_is_stalled(transactional_db):
    watchdog = BeatWatchdog("collector", LIMITS)
    watchdog.started(1)
    for second in range(20):
        beat("collector", timezone.now() + timedelta(seconds=second))
        assert watchdog.stalled(5) is None
    assert verdicts(watchdog, 20)[:1] == ["no sign of life for 45 s"]


class Switched(QueueWatchdog):
    """A watchdog that only looks when it is let off the chain."""

    off_the_chain = False

    def stalled(self, elapsed_s: float) -> str | None:
        return super().stalled(elapsed_s) if self.off_the_chain else None


@pytest.fixture
def real_cluster(transactional_db, data_dir) -> Iterator[Switched]:
    """A real cluster with one worker, supervised, its watchdog still on the chain."""
    watchdog = Switched(Limits(ask_every_s=0.5, stalled_after_s=8, longest_look_s=2), workers=1)
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": connection.settings_dict["NAME"],
        "HMM_WORKERS": "1",
    }
    argv = (sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "qcluster")
    service = Service("worker", argv, env, settings.BASE_DIR, watchdog=watchdog)
    stop = threading.Event()
    supervisor = Supervisor([service], data_dir, grace_s=3)
    thread = threading.Thread(target=supervisor.run, args=(stop,))
    thread.start()
    yield watchdog
    stop.set()
    thread.join()
    forget_marks()


def cluster_pid(watchdog: Switched) -> int:
    """Return the id of the cluster's own process."""
    return wait_for(lambda: watchdog._newest, "the start of the cluster").pid


def pass_through_queue() -> None:
    """Send a task through the queue and wait until it is done."""
    before = last_beat("worker")
    async_task(HEARTBEAT, save=False)
    wait_for(lambda: last_beat("worker") != before, "a task to be done", patience_s=60)


def rests(process: psutil.Process) -> bool:
    """Tell whether a process has nothing to do, as seen over half a second."""
    before = process.cpu_times()
    time.sleep(0.5)
    return process.cpu_times() == before and process.status() == psutil.STATUS_SLEEPING


def kill_idle_worker(leader: int) -> None:
    """Kill the worker: of the sentinel's children the one that takes tasks, which marks tell."""
    marked: set[int] = set()
    async_task("time.sleep", 1, save=False)

    def found() -> set[int]:
        marked.update(int(path.name) for path in busy_dir().iterdir())
        return marked & set(session_members(leader))

    (worker,) = wait_for(found, "the worker at work")
    wait_for(lambda: not busy_workers(leader), "the worker to be idle")
    wait_for(lambda: rests(psutil.Process(worker)), "the worker to wait with the queue's lock in its hand")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(worker), "its end")


@pytest.mark.process
def test_killed_idle_worker_stalls_the_cluster_until_the_watchdog_restarts_it(real_cluster):
    pass_through_queue()
    first = cluster_pid(real_cluster)
    kill_idle_worker(first)
    wait_for(lambda: len(session_members(first)) == 5, "the worker that replaces it")

    beaten = last_beat("worker")
    async_task(HEARTBEAT, save=False)
    time.sleep(4)
    assert last_beat("worker") == beaten, "the cluster was expected to be stalled"
    assert OrmQ.objects.count() >= 1

    real_cluster.off_the_chain = True
    wait_for(lambda: last_beat("worker") != beaten, "the watchdog", patience_s=90)
    assert cluster_pid(real_cluster) != first
    assert session_members(first) == []
    wait_for(lambda: OrmQ.objects.count() == 0, "the tasks that were left undone")
