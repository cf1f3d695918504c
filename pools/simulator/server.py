"""The simulated services on one real socket."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from hmm.lib.loopback_server import JsonHandler, LoopbackServer
from pools.simulator.service import answer


class OutsideServer(LoopbackServer):
    """Answers as the services do at the time of `clock`. Raises OSError when it cannot listen."""

    def __init__(
        self, address: tuple[str, int], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.clock = clock
        super().__init__(address, _Handler)


class _Handler(JsonHandler):
    server: OutsideServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.answer_json(*answer(parts.path, parts.query, self.server.clock()))
