"""manage.py simulate_prices."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from energy.simulator.server import PriceServer
from energy.simulator.service import PriceService
from hmm.lib.commands import HmmCommand, fail

MAX_DAYS = 3660


class Command(HmmCommand):
    help = (
        "Serve a simulated year of half-hourly electricity prices over HTTP, in the format of Octopus Energy."
        " Needs no database."
    )
    example = "manage.py simulate_prices --port 18900 --seed 1"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=18900, help="port, 0 for any free one (18900)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same prices (1)")
        parser.add_argument("--days", type=int, default=400, help="days of prices before today (400)")

    def handle(self, *args: Any, host: str, port: int, seed: int, days: int, **options: Any) -> None:
        if not 0 <= port <= 65535:
            fail(f"--port {port}: a port is a number from 0 to 65535")
        if not 1 <= days <= MAX_DAYS:
            fail(f"--days {days}: give 1 to {MAX_DAYS}")
        with _listen(host, port, PriceService(seed, days)) as server:
            _stop_on_signals(server)
            self.stdout.write(f"simulated prices on {server.url}")
            self.stdout.flush()
            server.serve_forever(poll_interval=0.2)


def _listen(host: str, port: int, service: PriceService) -> PriceServer:
    try:
        return PriceServer((host, port), service)
    except OSError as error:
        reason = error.strerror or str(error)
        fail(f"cannot listen on {host}:{port} ({reason}); choose another with --host and --port")


def _stop_on_signals(server: PriceServer) -> None:
    # shutdown() waits for serve_forever(), which runs in the thread that gets the signal.
    def stop(number: int, frame: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
