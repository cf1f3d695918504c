"""A collector for a while, in a process of its own: the real one, with real leases, that also notes when each poll ended."""

import contextlib
import json
import multiprocessing
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections

from miners.collector.collector import Collector
from miners.collector.desk import ThreadDesk
from miners.collector.keeper import Clock
from miners.collector.lease import SiteLeases, instants, usual_lease_s
from miners.collector.poll import Outcome
from miners.collector.spool import Spool

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll: in which turn it was asked for, when it ended, of which miner, and why it gave no reading."""

    turn: int
    at_s: float
    miner_id: int
    failure: str

    @property
    def is_reading(self) -> bool:
        return not self.failure


class Watched(Collector):
    """The collector, which keeps of each poll when it ended."""

    ended: list[tuple[int, float, int, str]]

    def _take(self, outcome: Outcome | int | None) -> None:
        if isinstance(outcome, Outcome):
            miner_id = outcome.target.miner_id
            failure = outcome.result if isinstance(outcome.result, str) else ""
            self.ended.append((self._turns[miner_id], outcome.at.timestamp(), miner_id, failure))
        super()._take(outcome)


@contextlib.contextmanager
def collecting(number: int, directory: Path) -> Iterator[Any]:
    """Have a collector at work in the block; give its process. What it polled is read by `polls_of` afterwards."""
    connections.close_all()  # a child has its own
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    process = context.Process(target=_collect, args=(number, directory, stop))
    process.start()
    try:
        yield process
    finally:
        stop.set()
        process.join(30)
        process.kill()


def polls_of(number: int, directory: Path) -> list[Polled]:
    """Return every poll of this collector, once it has ended."""
    return [Polled(*row) for row in json.loads(_file(number, directory).read_text())]


def _collect(number: int, directory: Path, stop: Any) -> None:
    with tempfile.TemporaryDirectory() as spool:
        clock = instants(Clock.monotonic, Clock.now)
        lease_s = usual_lease_s(TIMEOUT_S)
        leases = SiteLeases(f"bench-{number}", lease_s=lease_s, timeout_s=TIMEOUT_S, clock=clock)
        collector = Watched(
            Spool(Path(spool), max_bytes=10**9), timeout_s=TIMEOUT_S, desk=ThreadDesk(), leases=leases
        )
        collector.ended = []
        threading.Thread(target=lambda: (stop.wait(), collector.stop()), daemon=True).start()
        collector.run()
        _file(number, directory).write_text(json.dumps(collector.ended))


def _file(number: int, directory: Path) -> Path:
    return directory / f"polls-{number}.json"
