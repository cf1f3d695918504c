"""What simulated services have in common: a threading HTTP server, and how its handlers answer in JSON."""

import socketserver
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REQUEST_LIMIT_S = 30


class LoopbackServer(ThreadingHTTPServer):
    """A server on one real socket. Raises OSError when it cannot listen."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name, which can take seconds where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """The base address of what is served."""
        return f"http://{self.server_address[0]}:{self.server_address[1]}"  # type: ignore[str-bytes-safe]

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave unsaid that a client went away; anything else is reported as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class JsonHandler(BaseHTTPRequestHandler):
    """Answers one request; who derives from it says what to `do_GET`."""

    timeout = REQUEST_LIMIT_S

    def answer_json(self, status: int, body: str) -> None:
        """Send `body`, which is said to be JSON whatever it is."""
        encoded = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""
