"""`manage.py collect`: the collector, until it is told to stop, or for one cycle."""

import signal
from argparse import ArgumentParser
from math import ceil
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import connection
from rich.console import Console

from hmm.lib.commands import HmmCommand, fail
from hmm.spool_state import DIRECTORY
from hmm.system_metrics.reporter import start_reporting
from miners.collector.collector import Collector
from miners.collector.desk import HereDesk, ThreadDesk
from miners.collector.identity import Identity
from miners.collector.keeper import Clock, Flush
from miners.collector.lease import SiteLeases, instants, shortest_lease_s, usual_lease_s
from miners.collector.place import Place
from miners.collector.spool import Spool
from miners.collector.table import outcome_table

GRACE_S = 5
"""How long after a signal to stop the end may take; it takes longer on a disk that hangs."""


class Command(HmmCommand):
    help = (
        "Poll every enabled miner that has an address, each site's at its own interval, and store what they "
        "say. HMM_COLLECTOR_THREADS (64) devices are asked at once, and four times as many of those that did not "
        "answer last time, each for at most HMM_COLLECTOR_TIMEOUT_S (5) seconds. What they say is written after HMM_COLLECTOR_FLUSH_S (5) seconds or "
        "HMM_COLLECTOR_FLUSH_READINGS (100), whichever is first; while the database is away it goes to disk, to at "
        "most HMM_SPOOL_MAX_MB (1024). Several collectors on one database share the sites: see docs/scaling.md. "
        "--once asks every miner, whoever polls it."
    )
    example = "manage.py collect --once"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="poll each miner once, show what it says, and end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            collector = _collector()
            width = None if self.stdout.isatty() else 140
            Console(file=self.stdout, width=width).print(outcome_table(collector.once()))  # type: ignore[arg-type]
            return
        identity = Identity(settings.DATA_DIR)
        collector = _collector(_leases(identity.name, settings.COLLECTOR_TIMEOUT_S))
        _notice_dead_connections()
        _stop_on_signals(collector)
        start_reporting("collector")
        collector.run()
        identity.close()
        signal.setitimer(signal.ITIMER_REAL, 0)  # all is kept, and Python at its end lets an alarm kill it


def _collector(leases: SiteLeases | None = None) -> Collector:
    """Return a collector; without `leases` it does all its work in this thread."""
    flush = Flush(settings.COLLECTOR_FLUSH_S, settings.COLLECTOR_FLUSH_READINGS)
    max_bytes = settings.SPOOL_MAX_MB * 1024 * 1024
    try:
        spool = Spool(Place(settings.DATA_DIR).directory, max_bytes=max_bytes)
    except OSError as error:
        fail(f"cannot use {settings.DATA_DIR / DIRECTORY}: {error.strerror}; HMM_DATA_DIR must be writable")
    desk = ThreadDesk() if leases else HereDesk()
    threads, timeout_s = settings.COLLECTOR_THREADS, settings.COLLECTOR_TIMEOUT_S
    return Collector(spool, threads=threads, timeout_s=timeout_s, flush=flush, desk=desk, leases=leases)


def _leases(name: str, timeout_s: int) -> SiteLeases:
    clock = instants(Clock.monotonic, Clock.now)
    return SiteLeases(name, lease_s=_lease_s(timeout_s), timeout_s=timeout_s, clock=clock)


def _notice_dead_connections() -> None:
    """Have a server that vanished without a word noticed within a minute, and not when the kernel gives up."""
    options = connection.settings_dict["OPTIONS"]
    options |= {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
    options |= {"tcp_user_timeout": 50_000, "connect_timeout": 5}


def _lease_s(timeout_s: int) -> int:
    lease_s: int = settings.COLLECTOR_LEASE_S or ceil(usual_lease_s(timeout_s))
    if lease_s < (least := ceil(shortest_lease_s(timeout_s))):
        fail(
            f"HMM_COLLECTOR_LEASE_S must be at least {least} while HMM_COLLECTOR_TIMEOUT_S is {timeout_s}, not {lease_s}"
        )
    return lease_s


def _stop_on_signals(collector: Collector) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        collector.stop()
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGALRM, give_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
