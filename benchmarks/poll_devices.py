"""Devices for a collector to poll: simulated ones on real sockets, each on an address of its own below 127.77.0.0.

Of every hundred five are dark (whatever knocks there is dropped) and one takes 1.5 to 4 seconds for its answer.
"""

import asyncio
import contextlib
import multiprocessing
import os
import resource
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from miners.simulator.clock import RunningClock
from miners.simulator.device import Device
from miners.simulator.fleet import DeviceSpec, fleet
from miners.simulator.misfortune import Misfortune
from miners.simulator.server import listen, serve

PORT = 24_028
FILES_A_DEVICE = 2
SEED = 1
SLOW_OF = 68
"""Of so many devices that speak HTTP one is slow: of a hundred devices 71 speak it, and 95 of those answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """A device, where it is, and whether it is dark."""

    spec: DeviceSpec
    host: str
    is_dark: bool

    @property
    def is_slow(self) -> bool:
        return self.spec.misfortune is Misfortune.ANSWERS_SLOWLY


def places(count: int) -> list[Place]:
    """Return `count` devices of the pattern of the demo, 5 of a hundred dark and 1 slow.

    The slow ones are asked one question a poll; four such answers would take longer than a poll may.
    """
    found, asked_once = [], 0
    for number, spec in enumerate(fleet(count)):
        is_dark = number % 20 == 5
        asked_once += not is_dark and spec.driver == "axeos"
        is_slow = asked_once % SLOW_OF == 0 and not is_dark and spec.driver == "axeos"
        misfortune = Misfortune.ANSWERS_SLOWLY if is_slow else Misfortune.NONE
        host = f"127.77.{number // 250}.{number % 250 + 1}"
        found.append(Place(replace(spec, misfortune=misfortune), host, is_dark))
    return found


@contextlib.contextmanager
def serving(found: Sequence[Place], processes: int) -> Iterator[list[int]]:
    """Serve these devices from so many processes of their own; give the processes' ids."""
    context = multiprocessing.get_context("fork")
    ready, stop = context.Semaphore(0), context.Event()
    shares = [[each for each in found if not each.is_dark][n::processes] for n in range(processes)]
    children = [context.Process(target=_serve, args=(share, ready, stop)) for share in shares]
    _may_open(len(found) * FILES_A_DEVICE)
    with dark([each for each in found if each.is_dark]):
        for child in children:
            child.start()
        for _ in children:
            if not ready.acquire(timeout=120):
                raise SystemExit("the devices did not come up")
        try:
            yield [child.pid or 0 for child in children]
        finally:
            stop.set()
            for child in children:
                child.join(30)
                child.kill()


@contextlib.contextmanager
def dark(found: Sequence[Place]) -> Iterator[None]:
    """Have these addresses drop what knocks: their queue of connections is full."""
    with contextlib.ExitStack() as stack:
        for each in found:
            full = stack.enter_context(socket.socket())
            full.bind((each.host, PORT))
            full.listen(0)
            for _ in range(2):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((each.host, PORT))
        yield


def _serve(share: Sequence[Place], ready: Any, stop: Any) -> None:
    sockets = [listen(each.host, PORT, 1)[0] for each in share]
    clock = RunningClock(1.0)
    devices = [Device(each.spec, SEED, clock.now()) for each in share]
    asyncio.run(_until_told(devices, sockets, clock, ready, stop))
    os._exit(0)


async def _until_told(
    devices: list[Device], sockets: list[socket.socket], clock: RunningClock, ready: Any, stop: Any
) -> None:
    stopped = asyncio.Event()
    served = asyncio.create_task(serve(devices, sockets, clock, stopped, ready.release))
    await asyncio.to_thread(stop.wait)
    stopped.set()
    await served


def _may_open(files: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files > most:
        raise SystemExit(f"so many devices need {files} open files: ulimit -n gives {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, 1024), most))
