"""Orders over HTTP: one request, sent once, and what came back."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from hmm.lib.http import USER_AGENT
from hmm.lib.sockets import ConnectionFailed, Deadline, connect
from miners.drivers.base import Address, Unreachable
from miners.drivers.http_json import HTTP_PORT
from miners.drivers.orders import Answer

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class HttpStep:
    """A request that changes something on a device."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        said = "" if self.body is None else f" {json.dumps(self.body, ensure_ascii=False)}"
        return f"{self.method} {self.path}{said}"


def send_http(address: Address, step: HttpStep, deadline: float) -> Answer:
    """Send `step` once and return what came back. Raises Unreachable where nothing was sent."""
    host = Address(address.host, address.port or HTTP_PORT)
    time_limit = Deadline.until(deadline)
    try:
        sock = connect(host.host, host.port or HTTP_PORT, time_limit)
    except ConnectionFailed as error:
        raise Unreachable(error.reason) from error
    connection = HTTPConnection(host.host, host.port)
    connection.sock = sock
    try:
        return _exchange(connection, step, str(host))
    except ConnectionFailed as error:
        return Answer(None, error.reason)
    except (HTTPException, OSError) as error:
        return Answer(None, f"the answer cannot be read: {type(error).__name__}")
    finally:
        connection.close()


def answer_of(status: int, reason: str, location: str, body: bytes) -> Answer:
    """Return what an HTTP answer says to an order. Pure."""
    text = body.decode("utf-8", "replace").strip("\0 \t\r\n\ufeff")
    if 300 <= status < 400:
        return Answer(False, f"redirects to {location}: this firmware does not know that order")
    told = f"HTTP {status}" if status == 200 else f"HTTP {status} ({reason})"
    if re.match(r"<(!doctype|html)", text, re.IGNORECASE):
        return Answer(False, f"{told}: a page in HTML, which is no answer to an order")
    said = _message(text)
    is_taken = 200 <= status < 300
    return Answer(is_taken, f"{told}: {said}" if said else told)


def _exchange(connection: HTTPConnection, step: HttpStep, host: str) -> Answer:
    body = b"" if step.body is None else json.dumps(step.body).encode()
    headers = {"Host": host, "User-Agent": USER_AGENT, "Connection": "close"}
    if step.body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(step.method, step.path, body, headers)
    response: HTTPResponse = connection.getresponse()
    location = response.headers.get("Location", "")
    return answer_of(response.status, response.reason, location, response.read(MAX_ANSWER_BYTES))


def _message(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    told = document.get("message") if isinstance(document, dict) else None
    return told if isinstance(told, str) else text
