"""HTTP/1.1 as far as a small device speaks it: one request a connection."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

_HEAD_LIMIT = 8 * 1024
_BODY_LIMIT = 32 * 1024


@dataclass(frozen=True)
class Request:
    """What a client asked for; `path` is without its query."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What a device answers."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return self.content_type == "application/json"

    def encode(self) -> bytes:
        """Return the bytes for the wire."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Access-Control-Allow-Origin: *",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Refused(Exception):
    """A request that is not one; carries the response it gets."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.response = text(reason, status)


def text(message: str, status: int = 200) -> Response:
    """Return a plain answer."""
    return Response(status, message.encode())


def as_json(value: Any) -> Response:
    """Return `value` as a JSON answer."""
    return Response(body=json.dumps(value, separators=(",", ":")).encode(), content_type="application/json")


def redirect(location: str) -> Response:
    """Return the answer of a captive portal."""
    return Response(302, b"Redirect to the captive portal", headers={"Location": location})


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request. Raises Refused when it is none, IncompleteReadError when the client left."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise Refused(431, "Header fields are too long") from None
    if len(head) > _HEAD_LIMIT:
        raise Refused(431, "Header fields are too long")
    method, path, length = _parse_head(head)
    if length > _BODY_LIMIT:
        raise Refused(413, "Content too long")
    return Request(method, path, await reader.readexactly(length))


def _parse_head(head: bytes) -> tuple[str, str, int]:
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400, "Bad Request")
    return words[0], words[1].partition("?")[0], _content_length(fields)


def _content_length(fields: list[str]) -> int:
    for line in fields:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            if not (value.strip().isascii() and value.strip().isdigit()):
                raise Refused(400, "Bad Request")
            return int(value.strip()[:12])
    return 0
