"""The services that make up HMM, as data."""

import sys
from dataclasses import dataclass
from pathlib import Path

from hmm.supervisor.address import bind_text, free_block
from hmm.supervisor.service import Service
from hmm.supervisor.watchdogs import BeatWatchdog, QueueWatchdog

WEB_WORKERS = 2
WEB_THREADS = 8
WEB_HEAD_START_S = 1.5
"""The first page is what a person waits for."""
FLEET_PORTS = 60
"""Ports kept for simulated devices; the two after them are those of the simulated prices of electricity, and of pools and coins."""


@dataclass(frozen=True)
class House:
    """Where HMM is installed, keeps its data and listens."""

    root: Path
    data_dir: Path
    host: str
    port: int

    def services(self) -> list[Service]:
        """Return web, worker and collector."""
        return [self._web(), self._worker(), self._collector()]

    def demo_services(self) -> list[Service]:
        """Return the same on a simulated fleet and simulated services outside, on free ports of loopback."""
        base = free_block(demo_base_port(self.port), FLEET_PORTS + 2)
        outside = f"http://127.0.0.1:{base + FLEET_PORTS + 1}"
        env = {"HMM_OCTOPUS_BASE_URL": f"http://127.0.0.1:{base + FLEET_PORTS}"}
        env |= {f"HMM_{name}_BASE_URL": outside for name in ("COINGECKO", "COINBASE", "MEMPOOL")}
        mine = [self._web(env), self._worker(env), self._collector(env)]
        return [*self._simulators(base), *mine, self._demo_setup(env, outside)]

    @property
    def manifest(self) -> Path:
        """The file in which the simulated fleet says which devices there are."""
        return self.data_dir / "simulated_fleet.json"

    def _web(self, env: dict[str, str] | None = None) -> Service:
        options = (
            f"--bind {bind_text(self.host, self.port)} --worker-class gthread --workers {WEB_WORKERS} "
            f"--threads {WEB_THREADS} --timeout 60 --graceful-timeout 5 "
            "--preload --no-control-socket --log-level warning --config python:hmm.gunicorn_hooks"
        )
        argv = (sys.executable, "-m", "gunicorn", *options.split(), "hmm.wsgi")
        return Service("web", argv, {"HMM_DB_POOL": "1"} | (env or {}), self.root)

    def _worker(self, env: dict[str, str] | None = None) -> Service:
        return self._managed("worker", "qcluster", env=env, watchdog=QueueWatchdog())

    def _collector(self, env: dict[str, str] | None = None) -> Service:
        return self._managed("collector", "collect", env=env, watchdog=BeatWatchdog("collector"))

    def _simulators(self, base: int) -> list[Service]:
        fleet = f"simulate_fleet --host 127.0.0.1 --base-port {base} --manifest"
        prices = f"simulate_prices --host 127.0.0.1 --port {base + FLEET_PORTS}"
        return [
            self._managed("fleet", *fleet.split(), str(self.manifest)),
            self._managed("prices", *prices.split()),
            self._managed("outside", "simulate_outside", "--port", str(base + FLEET_PORTS + 1)),
        ]

    def _demo_setup(self, env: dict[str, str], outside: str) -> Service:
        command = ("setup_demo", "--manifest", str(self.manifest), "--outside", outside)
        return self._managed("demo", *command, env=env, once=True, needs=self.manifest)

    def _managed(
        self,
        name: str,
        *command: str,
        env: dict[str, str] | None = None,
        watchdog: QueueWatchdog | BeatWatchdog | None = None,
        once: bool = False,
        needs: Path | None = None,
    ) -> Service:
        argv = (sys.executable, str(self.root / "manage.py"), *command)
        return Service(
            name,
            argv,
            env or {},
            self.root,
            once=once,
            needs=needs,
            head_start_s=WEB_HEAD_START_S,
            watchdog=watchdog,
        )


def demo_base_port(port: int) -> int:
    """Return where the simulated fleet's ports begin by default: 10,000 above the web's, or below it."""
    above = port + 10_000
    return above if above + FLEET_PORTS + 1 < 65_536 else port - 10_000
