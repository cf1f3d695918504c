"""manage.py simulate_outside."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from hmm.lib.commands import HmmCommand, fail
from pools.simulator.server import OutsideServer


class Command(HmmCommand):
    help = (
        "Serve two simulated pools (ckpool, SoloPool), coin prices (CoinGecko, mempool.space) and Bitcoin's difficulty over HTTP,"
        " in the formats of those services. Needs no database."
    )
    example = "manage.py simulate_outside --port 18910"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=18910, help="port, 0 for any free one (18910)")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if not 0 <= port <= 65535:
            fail(f"--port {port}: a port is a number from 0 to 65535")
        with _listen(host, port) as server:
            _stop_on_signals(server)
            self.stdout.write(f"simulated pools and coin prices on {server.url}")
            self.stdout.flush()
            server.serve_forever(poll_interval=0.2)


def _listen(host: str, port: int) -> OutsideServer:
    try:
        return OutsideServer((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        fail(f"cannot listen on {host}:{port} ({reason}); choose another with --host and --port")


def _stop_on_signals(server: OutsideServer) -> None:
    # shutdown() waits for serve_forever(), which runs in the thread that gets the signal.
    def stop(number: int, frame: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
