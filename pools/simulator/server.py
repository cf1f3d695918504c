"""The simulated services on one real socket."""

import socketserver
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from pools.simulator.service import answer

REQUEST_LIMIT_S = 30


class OutsideServer(ThreadingHTTPServer):
    """Answers as the services do at the time of `clock`. Raises OSError when it cannot listen."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.clock = clock
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name, which can take seconds where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """The base address of the services."""
        return f"http://{self.server_address[0]}:{self.server_address[1]}"  # type: ignore[str-bytes-safe]

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave unsaid that a client went away; anything else is reported as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: OutsideServer
    timeout = REQUEST_LIMIT_S

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        status, body = answer(parts.path, parts.query, self.server.clock())
        encoded = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""
