"""The simulated price service on a real socket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from energy.simulator.service import PriceService
from hmm.lib.loopback_server import JsonHandler, LoopbackServer


class PriceServer(LoopbackServer):
    """Answers with what `service` says at the time of `clock`. Raises OSError when it cannot listen."""

    def __init__(
        self,
        address: tuple[str, int],
        service: PriceService,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.service = service
        self.clock = clock
        super().__init__(address, _Handler)


class _Handler(JsonHandler):
    server: PriceServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        host = self.headers.get("Host") or self.server.url.partition("//")[2]
        status, body = self.server.service.answer(
            f"http://{host}{parts.path}", parts.path, parts.query, self.server.clock()
        )
        self.answer_json(status, json.dumps(body))
