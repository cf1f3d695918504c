"""Devices on real sockets, spoken to by a driver of the tests' own, and time that is set by hand."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from miners.collector.collector import Collector
from miners.collector.keeper import Clock, Flush
from miners.collector.spool import Spool
from miners.drivers.base import Address, Misread, Reading, Unreachable, drivers
from miners.models import Miner, Site, Telemetry
from tests.factories import MinerFactory, SiteFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class LineDriver:
    """Reads one JSON line with the fields of a Reading."""

    name = "line"
    default_port = 9
    is_generic = False
    is_passive = False
    has_fixed_ports = False
    is_detected = True

    def read(self, address: Address, deadline: float) -> Reading:
        try:
            left_s = max(0.01, deadline - time.monotonic())
            with socket.create_connection((address.host, address.port or 9), left_s) as connection:
                line = connection.makefile().readline()
        except TimeoutError:
            raise Unreachable("no answer in time") from None
        except OSError as error:
            raise Unreachable(str(error.strerror)) from None
        try:
            return Reading(**{"driver": self.name, **json.loads(line)})
        except ValueError:
            raise Misread("half a JSON") from None


class Device:
    """A device that says what it is told to; silent while `hangs`."""

    def __init__(self, **says: Any) -> None:
        self.says: dict[str, Any] = {"hashrate_ghs": 1200.0, "power_w": 15.0} | says
        self.raw: bytes | None = None
        self.hangs = False
        self.asked = threading.Semaphore(0)
        self._release = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def release(self) -> None:
        """Answer whoever waits, and everyone from now on."""
        self.hangs = False
        self._release.set()

    def close(self) -> None:
        self.release()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            self.asked.release()
            if self.hangs:
                self._release.wait(60)
            try:
                connection.sendall(
                    self.raw if self.raw is not None else json.dumps(self.says).encode() + b"\n"
                )
            except OSError:
                return


class HandClock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON
        self.clock = Clock(now=lambda: self.at, monotonic=lambda: (self.at - NOON).total_seconds())

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _line_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    drivers.names()
    monkeypatch.setitem(drivers._entries, "line", LineDriver())


@pytest.fixture
def device() -> Iterator[Callable[..., Device]]:
    made: list[Device] = []

    def make(**says: Any) -> Device:
        made.append(Device(**says))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def hands() -> HandClock:
    return HandClock()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, max_bytes=10_000_000)


MakeCollector = Callable[..., Collector]
MakeDevice = Callable[..., Device]


@pytest.fixture
def make_collector(spool: Spool, hands: HandClock) -> MakeCollector:
    """Make a collector that writes at once, since by hand time no second passes between two writes."""

    def make(**given: Any) -> Collector:
        return Collector(spool, **{"clock": hands.clock, "timeout_s": 30, "flush": Flush(seconds=0)} | given)

    return make


@pytest.fixture
def collector(make_collector: MakeCollector) -> Collector:
    return make_collector(threads=8)


def add(one: Device | int, **fields: Any) -> Miner:
    """Add a miner that listens where `one` does."""
    port = one if isinstance(one, int) else one.port
    return MinerFactory(**({"host": "127.0.0.1", "port": port, "driver": "line", "model": None} | fields))


def tick_until(collector: Collector, done: Callable[[], bool]) -> None:
    """Tick, on and on, until `done`; a minute is far more than it takes."""
    for _ in range(120):
        collector.tick()
        if done():
            return
    pytest.fail("it did not happen in a minute")


@pytest.fixture
def site(db: None) -> Site:
    """A site whose miners are polled every thirty seconds."""
    return SiteFactory(poll_interval_s=30)


def rows_of(miner: Miner) -> list[Telemetry]:
    """Return what is stored of `miner`, in the order of time."""
    return list(Telemetry.objects.filter(miner=miner).order_by("timestamp"))


def state_of(miner: Miner) -> tuple[str, str]:
    """Return the state of `miner`, and why."""
    miner.refresh_from_db()
    return miner.state, miner.state_reason
