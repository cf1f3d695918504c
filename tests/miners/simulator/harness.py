"""Simulated devices on loopback, at a time the test sets."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from miners.simulator.device import Device
from miners.simulator.fleet import DeviceSpec, fleet
from miners.simulator.server import listen, serve

START = 1_760_000_000.0
PATIENCE_S = 10.0


class HandClock:
    """Stands still until the test moves it; notes what was slept and sleeps none of it."""

    def __init__(self, now: float = START) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)


@dataclass
class Running:
    """A device being served."""

    device: Device
    port: int
    clock: HandClock

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url(path), timeout=PATIENCE_S, allow_redirects=False)

    def post(self, path: str) -> requests.Response:
        return requests.post(self.url(path), timeout=PATIENCE_S)

    def patch(self, orders: Any) -> requests.Response:
        return requests.patch(self.url("/api/system"), json=orders, timeout=PATIENCE_S)

    def info(self) -> dict[str, Any]:
        return self.get("/api/system/info").json()

    def raw(self, request: bytes, hang_up: bool = False) -> bytes:
        """Send `request` and return everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as line:
            line.sendall(request)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b""))

    def call(self, command: str, parameter: str = "") -> dict[str, Any]:
        """Ask the cgminer API in JSON."""
        request = {"command": command, **({"parameter": parameter} if parameter else {})}
        reply = self.raw(json.dumps(request).encode())
        assert reply.endswith(b"\0")
        return json.loads(reply[:-1])

    def status(self, command: str, parameter: str = "") -> dict[str, Any]:
        return self.call(command, parameter)["STATUS"][0]


@contextmanager
def running(*specs: DeviceSpec, seed: int = 1) -> Iterator[list[Running]]:
    """Serve `specs` on free ports of loopback, all by one clock."""
    clock = HandClock()
    devices = [Device(spec, seed, clock.time) for spec in specs]
    sockets = [listen("127.0.0.1", 0, 1)[0] for _ in specs]
    ports = [listener.getsockname()[1] for listener in sockets]
    with _serving(devices, sockets, clock):
        yield [Running(device, port, clock) for device, port in zip(devices, ports, strict=True)]


@contextmanager
def _serving(devices: Sequence[Device], sockets: Sequence[socket.socket], clock: HandClock) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(devices, sockets, clock, stop, ready.set))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def device_named(name: str) -> DeviceSpec:
    """Return the device of the default fleet called `name`."""
    return next(spec for spec in fleet() if spec.name == name)


def bracket(text: str, name: str) -> str:
    """Return what stands in `name[…]`."""
    return text.partition(f" {name}[")[2].partition("]")[0]
