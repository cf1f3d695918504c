"""Pools on loopback: web addresses that answer as told, and a pool that speaks stratum as told."""

import json
from collections.abc import Callable
from typing import Any

from tests.miners.drivers.servers import Device, http_device, http_reply, tcp_server

STATUS = (
    b'{"runtime": 100, "lastupdate": 1760000000, "Users": 12, "Workers": 34, "Idle": 1, "Disconnected": 2}\n'
    b'{"hashrate1m": "9.1P", "hashrate5m": "1e+03T", "hashrate15m": "990T", "hashrate1hr": "1.2P", '
    b'"hashrate6hr": "1P", "hashrate1d": "1P", "hashrate7d": "1P"}\n'
    b'{"diff": 7.5, "accepted": 9900, "rejected": 100, "bestshare": 5000, "SPS1m": 3.92e1}\n'
)
USER = {
    "hashrate1m": "0",
    "hashrate5m": "1.05T",
    "hashrate1hr": "990G",
    "hashrate1d": "1e+03G",
    "hashrate7d": "12.5M",
    "lastshare": 1760000000,
    "workers": 2,
    "shares": 77,
    "bestshare": 1234.5,
    "bestever": 99000,
    "authorised": 1750000000,
    "worker": [],
}


def web_pool(replies: dict[str, Any]):
    """Answer GETs of these paths: bytes as they are, anything else as JSON, a number as an error of that status."""
    return http_device({path: _reply(reply) for path, reply in replies.items()})


def _reply(reply: Any) -> bytes:
    if isinstance(reply, int) and not isinstance(reply, bool):
        return http_reply(b"{}", f"{reply} Oh")
    return http_reply(reply if isinstance(reply, bytes) else json.dumps(reply).encode())


def stratum_pool(answers: dict[str, Callable[[Any], bytes] | bytes]):
    """Answer each method with these bytes, or with what a function makes of the request's id; close for others."""

    def serve(connection: Any, device: Device) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                device.asked.append(request["method"])
                answer = answers.get(request["method"])
                if answer is None:
                    return
                connection.sendall(answer(request["id"]) if callable(answer) else answer)

    return tcp_server(serve)


def line(message: dict[str, Any]) -> bytes:
    """Return a message as it goes over the line."""
    return json.dumps(message).encode() + b"\n"


def subscribed(number: Any) -> bytes:
    """Return the answer to a subscription, after two messages that are none."""
    return (
        line({"id": 1, "method": "mining.set_difficulty", "params": [0.0016]})
        + line({"id": None, "method": "client.show_message", "params": ["Welcome"]})
        + line({"id": number, "result": [[["mining.notify", "ab"]], "4de05269", 8], "error": None})
    )


def authorized(number: Any) -> bytes:
    """Return the answer to an authorization that is good, and a job right behind it."""
    return line({"id": number, "result": True, "error": None}) + line(
        {"id": None, "method": "mining.notify", "params": ["1"]}
    )


GOOD_STRATUM = {"mining.subscribe": subscribed, "mining.authorize": authorized}
