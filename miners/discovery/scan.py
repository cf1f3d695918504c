"""Looks through addresses, a bounded number at once, and tells of each as soon as it is done."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass

from hmm.lib.sockets import ConnectionFailed, Deadline, connect
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.drivers.base import Unreachable
from miners.drivers.nmminer import BROADCAST_PORT, Silent, listener, next_datagram, read_broadcast

AT_ONCE = 128
KNOCK_S = 1.0
READ_S = 6.0
LISTEN_S = 5.0


@dataclass(frozen=True)
class Found:
    """A miner that answered at `address`, which has a port only where it is not the driver's own."""

    address: Address
    reading: Reading


@dataclass(frozen=True)
class Step:
    """One more address done: `done` of `total`; `found` is the miner there, `note` why something else is not."""

    done: int
    total: int
    found: Found | None = None
    note: str = ""


def scan(
    hosts: Sequence[str], *, ports: Sequence[int] = (), listen_s: float = LISTEN_S, at_once: int = AT_ONCE
) -> Iterator[Step]:
    """Yield a step for each of `hosts`, as soon as it is known what is there, and one more for each further miner there.

    Each is looked for on every driver's own port and on `ports`. Miners that only broadcast are heard meanwhile,
    for `listen_s` seconds at least. Closing the iterator ends the scan: who is being asked is left alone.
    """
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="discover")
    ear = _Ear(set(hosts))
    try:
        jobs = [pool.submit(look, host, ports) for host in hosts]
        answered = set()
        for step in _steps(jobs, len(hosts)):
            answered |= {step.found.address.host} if step.found else set()
            yield step
        for found in ear.heard(listen_s):
            if found.address.host not in answered:  # an NMAxe answers, and broadcasts beside
                yield Step(len(hosts), len(hosts), found)
        if ear.note:
            yield Step(len(hosts), len(hosts), note=ear.note)
    finally:
        ear.stop()
        pool.shutdown(wait=False, cancel_futures=True)


def look(host: str, ports: Sequence[int] = ()) -> tuple[list[Found], str]:
    """Return the miners at `host`, and why what else answers there is none ("" where nobody else does).

    On the drivers' own ports there is one; on each of `ports` may be another, as behind a router that forwards them.
    """
    found: list[Found] = []
    notes: list[str] = []
    own = [Address(host)] if any(knock(host, port) for port in own_ports()) else []
    for address in [*own, *(Address(host, port) for port in ports if knock(host, port))]:
        try:
            reading = detect(address, READ_S, listen=False)
        except DriverError as error:
            notes.append(f"{address}: {error.reason}")
            continue
        if not reading.identity or all(reading.identity != other.reading.identity for other in found):
            found.append(Found(address, reading))
    return found, "; ".join(notes)


def knock(host: str, port: int, timeout_s: float = KNOCK_S) -> bool:
    """Return whether somebody listens there."""
    try:
        connect(host, port, Deadline.after(timeout_s)).close()
    except ConnectionFailed:
        return False
    return True


def own_ports() -> list[int]:
    """Return the ports on which drivers ask."""
    return sorted({driver.default_port for driver in drivers if not driver.is_passive})


def _steps(jobs: "list[Future[tuple[list[Found], str]]]", total: int) -> Iterator[Step]:
    for done, job in enumerate(as_completed(jobs), start=1):
        found, note = job.result()
        yield Step(done, total, next(iter(found), None), note)
        for other in found[1:]:
            yield Step(done, total, other)


class _Ear:
    """Hears the broadcasts of `hosts` while the others are asked."""

    def __init__(self, hosts: set[str]) -> None:
        self.note = ""
        self._hosts = hosts
        self._found: dict[str, Found] = {}
        self._stopping = threading.Event()
        self._began = Deadline.after(0)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def heard(self, listen_s: float) -> list[Found]:
        """Return who was heard within the first `listen_s` seconds, or until now where that is later."""
        rest_s = self._began.at + listen_s - Deadline.after(0).at
        self._stopping.wait(max(0.0, rest_s))
        self.stop()
        return list(self._found.values())

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2)

    def _listen(self) -> None:
        try:
            with closing(listener(BROADCAST_PORT)) as ear:
                while not self._stopping.is_set():
                    with suppress(Silent):
                        self._hear(*next_datagram(ear, 0.2))
        except Unreachable as error:
            self.note = f"miners that only broadcast were not heard: {error.reason}"

    def _hear(self, datagram: bytes, sender: str) -> None:
        if sender not in self._hosts or sender in self._found:
            return
        try:
            self._found[sender] = Found(Address(sender), read_broadcast(datagram))
        except DriverError as error:
            self.note = f"{sender}: {error.reason}"
