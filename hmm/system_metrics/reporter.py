"""The thread that writes a process's figures each 30 seconds, and never disturbs what it measures."""

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from hmm.system_metrics.base import Sample, instruments_of
from hmm.system_metrics.write import write, write_probes

log = logging.getLogger(__name__)

EVERY_S = 30
AWAY = (DatabaseError, InterfaceError, OSError)
Report = Callable[[datetime, float], int]
"""Writes what there is as of a time, over so many seconds; returns how many rows."""


def report_process(service: str) -> Report:
    """Return what writes the instruments of `service` in this process, with its process id as a tag."""

    def report(at: datetime, window_s: float) -> int:
        samples: list[Sample] = []
        for instrument in instruments_of(service):
            samples.extend(instrument.drain(window_s))
        return write(samples, at, {"pid": os.getpid()})

    return report


def report_probes(at: datetime, window_s: float) -> int:
    """Write what the probes see of worker and database since the mark at which they looked last."""
    marks = max(round(window_s / EVERY_S), 1)
    return write_probes(at - timedelta(seconds=marks * EVERY_S), at)


def mark(now: datetime) -> datetime:
    """Return the mark of the grid at or before `now`: processes that write at one mark can be added up."""
    return datetime.fromtimestamp(now.timestamp() // EVERY_S * EVERY_S, UTC)


class Reporter:
    """Runs `report` at each mark in a thread of its own. What fails is said once, and that window is lost."""

    def __init__(self, report: Report, name: str) -> None:
        self._report = report
        self._name = name
        self._stop = threading.Event()
        self._failing = False
        self._written_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"system-metrics-{name}", daemon=True)

    def start(self) -> "Reporter":
        """Begin to report, in the process that calls this: a thread does not outlive a fork."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End soon; what was gathered since the last mark is lost."""
        self._stop.set()

    def report(self, now: datetime, monotonic_s: float) -> bool:
        """Write once, as of the mark before `now`; return whether it worked. Raises nothing."""
        window_s, self._written_s = max(monotonic_s - self._written_s, 1.0), monotonic_s
        try:
            self._report(mark(now), window_s)
        except AWAY as error:
            self._failed(error)
        except Exception:  # a fault in a statistic must not end the reporting of the others
            log.exception("the system metrics of %s could not be made", self._name)
            self._failing = True
        else:
            self._succeeded()
            return True
        return False

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S - time.time() % EVERY_S):
            self.report(timezone.now(), time.monotonic())

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            log.warning("the system metrics of %s cannot be written: %s", self._name, reason)
        self._failing = True

    def _succeeded(self) -> None:
        if self._failing:
            log.info("the system metrics of %s are written again", self._name)
        self._failing = False


def start_reporting(service: str) -> Reporter:
    """Report this process's figures as those of `service`, until the process ends."""
    return Reporter(report_process(service), service).start()


def start_probing() -> Reporter:
    """Report worker and database; started by each worker, of which one writes at each mark."""
    return Reporter(report_probes, "the database").start()
