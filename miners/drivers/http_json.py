"""One JSON answer of a miner's web server, within the time limit of a read."""

from typing import Any

from hmm.lib.http import HttpError, NoAnswer, get
from hmm.lib.sockets import ConnectionFailed, Deadline
from miners.drivers import loose_json
from miners.drivers.base import MAX_REPLY_BYTES, Address, Misread, Unreachable

HTTP_PORT = 80
ENDED_IN_NUL = "the answer ended in NUL bytes"


def get_json(address: Address, path: str, time_limit: Deadline, wanted: str, noted: list[str]) -> Any:
    """Return the JSON at `path` of a miner; `noted` gets a line for each slip in it that was mended.

    Raises Unreachable, and Misread for what is not JSON: "answers HTML, not `wanted`".
    """
    try:
        reply = get(
            f"http://{Address(address.host, address.port or HTTP_PORT)}{path}",
            headers={"Connection": "close"},
            timeout_s=time_limit.left(),
            max_bytes=MAX_REPLY_BYTES,
            use_proxies=False,
        )
    except (NoAnswer, ConnectionFailed) as error:
        raise Unreachable(error.reason) from error
    except HttpError as error:
        raise Misread(error.reason) from error
    document = loose_json.parse(reply.body, wanted, noted)
    if reply.body.endswith(b"\0"):
        loose_json.note([ENDED_IN_NUL], noted)
    return document


def part(document: Any, key: str) -> dict[str, Any]:
    """Return the object called `key` in `document`; empty where there is none."""
    inner = document.get(key) if isinstance(document, dict) else None
    return inner if isinstance(inner, dict) else {}


def rows(document: Any, key: str) -> list[dict[str, Any]]:
    """Return the objects of the list called `key` in `document`; none where it is absent."""
    inner = document.get(key) if isinstance(document, dict) else None
    return [row for row in inner if isinstance(row, dict)] if isinstance(inner, list) else []
