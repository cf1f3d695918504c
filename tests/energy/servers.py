"""Price services on loopback: the simulated one at a time of the test's choice, and ones that misbehave."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from energy.simulator.server import PriceServer
from energy.simulator.service import PriceService


@dataclass
class Clock:
    """A clock that stands where the test puts it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@contextlib.contextmanager
def simulated_prices(now: datetime, seed: int = 1, days: int = 30) -> Iterator[tuple[str, Clock]]:
    """The simulated service, with its address and its clock."""
    clock = Clock(now)
    with _serving(PriceServer(("127.0.0.1", 0), PriceService(seed, days), clock)) as server:
        yield server.url, clock


@dataclass(frozen=True)
class Reply:
    """What a canned service answers; a `body` that is not bytes is sent as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Canned:
    """The address of a canned service, and the queries it has had, by the last part of the path."""

    url: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def rates_asked(self) -> list[dict[str, str]]:
        """Return the query of each request for unit rates."""
        return [query for what, query in self.asked if what == "standard-unit-rates"]


NO_CHARGES = Reply({"count": 0, "next": None, "previous": None, "results": []})


@contextlib.contextmanager
def canned_prices(
    rates: Callable[[dict[str, str]], Reply] | Reply, charges: Reply = NO_CHARGES
) -> Iterator[Canned]:
    """A service that answers as told: `rates` may be a function of the query."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            what = parts.path.rstrip("/").rpartition("/")[2]
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            canned.asked.append((what, query))
            reply = charges if what == "standing-charges" else rates(query) if callable(rates) else rates
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        canned = Canned(f"http://127.0.0.1:{server.server_address[1]}")
        yield canned


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def rate(start: str, end: str | None, value: Any, method: str | None = None) -> dict[str, Any]:
    """Return one row as the API writes it."""
    return {
        "value_exc_vat": value,
        "value_inc_vat": value,
        "valid_from": start,
        "valid_to": end,
        "payment_method": method,
    }


def page(*rows: dict[str, Any], following: str | None = None) -> Reply:
    """Return a page of rows, with the link to the `following` one."""
    return Reply({"count": len(rows), "next": following, "previous": None, "results": list(rows)})
