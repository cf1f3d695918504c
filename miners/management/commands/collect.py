"""`manage.py collect`: the collector, until it is told to stop, or for one cycle."""

import os
import signal
from argparse import ArgumentParser
from math import ceil
from types import FrameType
from typing import Any

from django.conf import settings
from rich.console import Console

from hmm.lib.commands import HmmCommand, fail
from miners.collector.collector import Clock, Collector
from miners.collector.identity import Identity
from miners.collector.lease import SiteLeases, instants, shortest_lease_s, usual_lease_s
from miners.collector.table import outcome_table

GRACE_S = 1.5
"""How long after a signal to stop what is being written may still take."""


class Command(HmmCommand):
    help = (
        "Poll every enabled miner that has an address, each site's at its own interval, and store what they "
        "say. HMM_COLLECTOR_THREADS (64) devices are asked at once, each for at most "
        "HMM_COLLECTOR_TIMEOUT_S (5) seconds. Several collectors on one database share the sites: see docs/scaling.md. "
        "--once asks every miner, whoever polls it."
    )
    example = "manage.py collect --once"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="poll each miner once, show what it says, and end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        threads = _number("HMM_COLLECTOR_THREADS", 64, most=1000)
        timeout_s = _number("HMM_COLLECTOR_TIMEOUT_S", 5, most=60)
        if options["once"]:
            collector = Collector(threads=threads, timeout_s=timeout_s)
            width = None if self.stdout.isatty() else 140
            Console(file=self.stdout, width=width).print(outcome_table(collector.once()))  # type: ignore[arg-type]
            return
        identity = Identity(settings.DATA_DIR)
        leases = SiteLeases(
            identity.name,
            lease_s=_lease_s(timeout_s),
            timeout_s=timeout_s,
            clock=instants(Clock.monotonic, Clock.now),
        )
        collector = Collector(threads=threads, timeout_s=timeout_s, leases=leases)
        _stop_on_signals(collector)
        collector.run()
        identity.close()
        signal.setitimer(signal.ITIMER_REAL, 0)  # all is written, and Python at its end lets an alarm kill it


def _lease_s(timeout_s: int) -> int:
    lease_s = _number("HMM_COLLECTOR_LEASE_S", ceil(usual_lease_s(timeout_s)), most=600)
    if lease_s < (least := ceil(shortest_lease_s(timeout_s))):
        fail(
            f"HMM_COLLECTOR_LEASE_S must be at least {least} while HMM_COLLECTOR_TIMEOUT_S is {timeout_s}, not {lease_s}"
        )
    return lease_s


def _number(variable: str, default: int, *, most: int) -> int:
    text = os.environ.get(variable, "") or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        fail(f"{variable} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)


def _stop_on_signals(collector: Collector) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        collector.stop()
        # A database that does not answer must not keep the process: its transaction is undone.
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGALRM, give_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
