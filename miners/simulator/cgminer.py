"""The cgminer API's framing: one request a connection, as JSON or as plain text, the reply ending with NUL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DESCRIPTION = "cgminer 4.11.1"
INVALID_COMMAND = 14
INVALID_JSON = 23
MISSING_COMMAND = 24


@dataclass(frozen=True)
class Call:
    """One command with its parameter."""

    command: str
    parameter: str = ""


@dataclass(frozen=True)
class Reply:
    """The status of one command, and its records under `section`, when it has any."""

    status: str
    code: int
    message: str
    section: str = ""
    records: Sequence[dict[str, Any]] = ()


class BadRequest(Exception):
    """A request that cannot be read; carries the reply it gets."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply("E", code, message)


def is_json(raw: bytes) -> bool:
    """Return whether the request is (meant to be) JSON."""
    return raw.lstrip()[:1] in (b"{", b"[")


def is_complete(raw: bytes) -> bool:
    """Return whether no more is to come: plain text is what one packet holds, JSON ends with its brace."""
    if not is_json(raw):
        return bool(raw)
    try:
        json.loads(_text(raw))
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def parse(raw: bytes) -> list[Call]:
    """Return the calls of a request; JSON may join several with "+". Raises BadRequest."""
    if is_json(raw):
        return _parse_json(raw)
    command, _, parameter = _text(raw).partition("|")
    return [Call(command.strip(), parameter.strip())]


def _parse_json(raw: bytes) -> list[Call]:
    try:
        request = json.loads(_text(raw))
    except (ValueError, RecursionError):
        raise BadRequest(INVALID_JSON, "Invalid JSON") from None
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        raise BadRequest(MISSING_COMMAND, "Missing JSON 'command'")
    parameter = request.get("parameter", "")
    return [Call(command, str(parameter)) for command in request["command"].split("+")]


def encode_json(calls: Sequence[Call], replies: Sequence[Reply], when: int) -> bytes:
    """Return the reply to a JSON request; several commands get one object of all."""
    bodies = [_body(reply, when) for reply in replies]
    if len(bodies) == 1:
        whole = {**bodies[0], "id": 1}
    else:
        named = {call.command: [{**body, "id": 1}] for call, body in zip(calls, bodies, strict=True)}
        whole = {**named, "id": 1}
    return json.dumps(whole, separators=(",", ":")).encode() + b"\0"


def encode_text(reply: Reply, when: int) -> bytes:
    """Return the reply to a plain request: `|` between records, `,` between fields."""
    status = (
        f"STATUS={reply.status},When={when},Code={reply.code},Msg={reply.message},Description={DESCRIPTION}"
    )
    records = [_text_record(reply.section, record) for record in reply.records]
    return "|".join([status, *records, ""]).encode() + b"\0"


def _body(reply: Reply, when: int) -> dict[str, Any]:
    status = {
        "STATUS": reply.status,
        "When": when,
        "Code": reply.code,
        "Msg": reply.message,
        "Description": DESCRIPTION,
    }
    return {"STATUS": [status], **({reply.section: list(reply.records)} if reply.section else {})}


def _text_record(section: str, record: dict[str, Any]) -> str:
    fields = [f"{name}={_text_value(value)}" for name, value in record.items()]
    numbered = next(iter(record)) in ("POOL", "ASC", "STATS")
    return ",".join(fields if numbered else [section, *fields])


def _text_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0\r\n ").decode("latin-1")
