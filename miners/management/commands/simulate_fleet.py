"""`manage.py simulate_fleet`."""

import asyncio
import json
import math
import os
import resource
import signal
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from socket import socket
from typing import Any

from hmm.lib.commands import HmmCommand, fail
from miners.simulator.clock import RunningClock
from miners.simulator.device import Device
from miners.simulator.fleet import DEFAULT_COUNT, LEAST_COUNT, DeviceSpec, fleet, manifest
from miners.simulator.server import CannotListen, listen, serve

_SPARE_FILES = 256


class Command(HmmCommand):
    help = "Run a fleet of simulated miners that speak AxeOS HTTP and the cgminer API, one port each."
    example = "manage.py simulate_fleet --base-port 18000 --seed 1 --manifest var/fleet.json"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument(
            "--base-port", type=int, default=18_000, help="port of the first device (default: %(default)s)"
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="same seed, same fleet (default: %(default)s)"
        )
        parser.add_argument(
            "--count",
            type=int,
            default=DEFAULT_COUNT,
            help=f"devices, at least {LEAST_COUNT} (default: %(default)s)",
        )
        parser.add_argument(
            "--manifest", type=Path, help="write name, model, driver, host and port of each here"
        )
        parser.add_argument(
            "--speed", type=_speed, default=1.0, help="let the devices live this many times as fast"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, base_port, count = options["host"], options["base_port"], options["count"]
        _check(base_port, count)
        specs = fleet(count)
        sockets = _listen(host, base_port, count)
        if options["manifest"]:
            _write_manifest(options["manifest"], specs, host, base_port)
        ready = f"simulated fleet: {count} devices on {host}:{base_port}–{base_port + count - 1}"
        asyncio.run(self._run(specs, sockets, options["seed"], options["speed"], ready))

    async def _run(
        self, specs: list[DeviceSpec], sockets: list[socket], seed: int, speed: float, ready: str
    ) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        clock = RunningClock(speed)
        devices = [Device(spec, seed, clock.now()) for spec in specs]
        await serve(devices, sockets, clock, stop, ready=lambda: self._say(ready))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.0 < speed <= 10_000.0:
        raise ArgumentTypeError(f"{text} is no speed: give a number above 0, up to 10000")
    return speed


def _check(base_port: int, count: int) -> None:
    if count < LEAST_COUNT:
        fail(f"--count {count} is too few: a fleet has at least {LEAST_COUNT} devices")
    if not 1 <= base_port <= 65_535:
        fail(f"--base-port {base_port} is no port: give 1 to 65535")
    if base_port + count - 1 > 65_535:
        fail(f"{count} devices from port {base_port} on go past 65535: lower --base-port or --count")


def _listen(host: str, base_port: int, count: int) -> list[socket]:
    _allow_files(count * 2 + _SPARE_FILES)
    try:
        return listen(host, base_port, count)
    except CannotListen as error:
        fail(f"{error}; choose another --base-port or --host")


def _allow_files(wanted: int) -> None:
    """Raise this process's own limit of open files as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _write_manifest(path: Path, specs: list[DeviceSpec], host: str, base_port: int) -> None:
    """Write the manifest so that whoever reads `path` finds all of it or none."""
    content = json.dumps(manifest(specs, host, base_port), indent=2) + "\n"
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        fail(f"--manifest {path} cannot be written: {error.strerror}")
