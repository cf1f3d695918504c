"""How long a /24 takes to be looked through: simulated devices, hosts that are dark, and hosts that refuse.

`python benchmarks/discovery.py`, on Linux, as a user who may listen on port 80. It needs no database. The floor is
the same network knocked at by as many threads, and not asked.
"""

import asyncio
import contextlib
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from miners.discovery.scan import AT_ONCE, knock, own_ports, scan  # noqa: E402
from miners.simulator.clock import RunningClock  # noqa: E402
from miners.simulator.device import Device  # noqa: E402
from miners.simulator.fleet import DeviceSpec, fleet  # noqa: E402
from miners.simulator.misfortune import Misfortune  # noqa: E402
from miners.simulator.server import listen, serve  # noqa: E402

NETWORK = "127.99.7"
DEVICES = 20
TIMES = 3


def main() -> None:
    """Print the medians, with every host without a device refusing and with every one dark."""
    with devices():
        report(f"{DEVICES} devices, {254 - DEVICES} hosts that refuse")
        with dark_hosts():
            report(f"{DEVICES} devices, {254 - DEVICES} hosts that are dark")


def report(name: str) -> None:
    """Measure and print."""
    hosts = [f"{NETWORK}.{number}" for number in range(1, 255)]
    floors = [_seconds(lambda: _knock_all(hosts))[0] for _ in range(TIMES)]
    for listen_s in (0.0, 5.0):
        runs = [_seconds(lambda wait_s=listen_s: _found(hosts, wait_s)) for _ in range(TIMES)]
        whole, floor = (statistics.median(figures) for figures in ([run[0] for run in runs], floors))
        print(
            f"{name}, listening {listen_s:g} s: {whole:.2f} s, {[run[1] for run in runs]} found; "
            f"beside a floor of {floor:.2f} s: × {whole / floor:.2f}"
        )


@contextlib.contextmanager
def devices() -> Iterator[None]:
    """Serve the simulated fleet, each device on an address and its protocol's port of its own."""
    specs = [_specimen(spec) for spec in fleet(DEVICES)]
    ports = {"axeos": 80, "avalon": 4028}
    sockets = [listen(f"{NETWORK}.{n + 1}", ports[spec.driver], 1)[0] for n, spec in enumerate(specs)]
    clock, stop, loop, is_up = RunningClock(1.0), asyncio.Event(), asyncio.new_event_loop(), threading.Event()
    served = serve([Device(spec, 1, clock.now()) for spec in specs], sockets, clock, stop, is_up.set)
    thread = threading.Thread(target=loop.run_until_complete, args=(served,))
    thread.start()
    is_up.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@contextlib.contextmanager
def dark_hosts() -> Iterator[None]:
    """Have every other address of the network drop what knocks: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        for number in range(DEVICES + 1, 255):
            for port in own_ports():
                full = stack.enter_context(socket.socket())
                full.bind((f"{NETWORK}.{number}", port))
                full.listen(0)
                for _ in range(2):
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex((f"{NETWORK}.{number}", port))
        yield


def _specimen(spec: DeviceSpec) -> DeviceSpec:
    return DeviceSpec(spec.name, spec.hardware, spec.firmware, spec.settings, Misfortune.NONE)


def _knock_all(hosts: list[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda host: [knock(host, port) for port in own_ports()], hosts))


def _found(hosts: list[str], listen_s: float) -> int:
    return sum(step.found is not None for step in scan(hosts, listen_s=listen_s))


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
