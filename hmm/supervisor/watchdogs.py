"""Watch over services that run and get nothing done: the task queue's cluster, and what must beat by itself.

An idle worker of django-q2 that is killed takes the lock of the queue with it: the cluster lives on, and
never does a task again. Nothing in the cluster notices, so the supervisor asks it for signs of life.
"""

import logging
import math
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task
from redis.exceptions import RedisError

from hmm.health import beat, last_beat
from hmm.supervisor import busy
from hmm.supervisor.decisions import Limits, Sight, Verdict, Watch, look

logger = logging.getLogger(__name__)

HEARTBEAT = "hmm.jobs.heartbeat"
AWAY = (DatabaseError, InterfaceError, RedisError, OSError)


class Run(NamedTuple):
    """One run of a service."""

    pid: int
    started_at: datetime


class _Watchdog(ABC):
    """Looks at a service; while the database, or the queue's Redis, cannot be reached it has no opinion."""

    look_every_s = 1.0

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._newest: Run | None = None
        self._run: Run | None = None
        self._watch = Watch()
        self._unlooked_s = 0.0
        self._blind = False

    def started(self, pid: int) -> None:
        """The service has just been started as process `pid`. Called by another thread than `stalled`."""
        self._newest = Run(pid, timezone.now())

    def stalled(self, elapsed_s: float) -> str | None:
        """Look; return why the service must be restarted, or None."""
        self._unlooked_s += elapsed_s
        if self._newest is None or self._unlooked_s < self.look_every_s:
            return None
        elapsed_s, self._unlooked_s = self._unlooked_s, 0.0
        try:
            return self._look(self._newest, elapsed_s)
        except Exception as error:  # noqa: BLE001  (whatever the fault, the other services are watched on)
            self._cannot_see(error)
            return None
        finally:
            connection.close()

    def _look(self, run: Run, elapsed_s: float) -> str | None:
        if run != self._run:
            self._meet(run)
            self._run = run
        self._watch, verdict = look(self._watch, self._sight(run, elapsed_s), self.limits)
        self._act(verdict)
        self._blind = False
        return (
            f"no sign of life for {self.limits.stalled_after_s:g} s" if verdict is Verdict.STALLED else None
        )

    def _cannot_see(self, error: Exception) -> None:
        self._watch = Watch(progress=self._watch.progress)
        if not self._blind and isinstance(error, AWAY):
            logger.warning("cannot watch over the services for now: %s", str(error).strip())
        elif not self._blind:
            logger.error("cannot watch over the services", exc_info=error)
        self._blind = True

    def _meet(self, run: Run) -> None:
        self._watch = Watch()

    @abstractmethod
    def _sight(self, run: Run, elapsed_s: float) -> Sight:
        """Return what there is to see of this run, `elapsed_s` seconds after the last look."""

    @abstractmethod
    def _act(self, verdict: Verdict) -> None:
        """Carry out ASK and BUSY."""


class QueueWatchdog(_Watchdog):
    """Watches the cluster of the task queue, by heartbeat tasks that pass through the queue itself."""

    def __init__(self, limits: Limits | None = None, workers: int | None = None) -> None:
        super().__init__(limits)
        self._workers = workers or int(settings.Q_CLUSTER["workers"])

    def _meet(self, run: Run) -> None:
        busy.forget_marks()
        release_tasks(run.started_at)
        self._watch = Watch(quiet_s=math.inf)  # ask at once

    def _sight(self, run: Run, elapsed_s: float) -> Sight:
        # A heartbeat that a cluster elsewhere has done is an answer too: this one had none to give.
        progress = (busy.progress(), last_beat("worker"))
        return Sight(progress, elapsed_s, busy.busy_workers(run.pid), self._workers)

    def _act(self, verdict: Verdict) -> None:
        if verdict is Verdict.ASK:
            async_task(HEARTBEAT, save=False)
        elif verdict is Verdict.BUSY:
            beat("worker", timezone.now())


class BeatWatchdog(_Watchdog):
    """Watches a service that beats by itself, such as the collector each ten seconds."""

    look_every_s = 5.0

    def __init__(self, service: str, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits(ask_every_s=60, stalled_after_s=60, longest_look_s=10))
        self._service = service

    def _sight(self, run: Run, elapsed_s: float) -> Sight:
        return Sight(last_beat(self._service) or "never", elapsed_s)

    def _act(self, verdict: Verdict) -> None:
        """Do nothing: it beats without being asked."""


def release_tasks(started_at: datetime) -> int:
    """Give back to the queue what a cluster had taken and not finished before another began at `started_at`.

    Otherwise nobody does these tasks until their retry time has passed. Returns how many there were.
    """
    taken_before = Q(lock__lt=started_at + timedelta(seconds=Conf.RETRY))
    taken = OrmQ.objects.filter(taken_before, key=Conf.CLUSTER_NAME, lock__gt=timezone.now())
    return taken.update(lock=timezone.now())
