"""The cgminer API: one request a connection, JSON or plain text, replies as its many forks write them."""

import json
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from hmm.lib.sockets import ConnectionFailed, Deadline, connect
from miners.drivers import loose_json
from miners.drivers.base import MAX_REPLY_BYTES, Address, Misread, Unreachable, one_line
from miners.drivers.figures import clean_text

DEFAULT_PORT = 4028
LONGEST_MESSAGE = 1000
_TEXT_SECTIONS = {"POOL": "POOLS", "ASC": "DEVS", "PGA": "DEVS", "GPU": "DEVS"}
_BRACKETS = re.compile(r"([A-Za-z][\w ]{0,40}+)\[([^\[\]]*)\]")
# "71Rejected=2": a name as the fields have them, and an "=" that is not escaped, as one inside a value is.
_JOINED = re.compile(r"[A-Z][A-Za-z%]*(?: [A-Z][A-Za-z%]*)*=")

Fields = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A reply taken apart: `sections` such as {"SUMMARY": [{"Elapsed": 12, …}]}, or a refusal."""

    sections: dict[str, list[Fields]]
    is_refusal: bool
    message: str
    is_text: bool = False

    def rows(self, section: str) -> list[Fields]:
        """Return the objects of `section`; none where it is absent."""
        return self.sections.get(section, [])

    def first(self, section: str) -> Fields:
        """Return the first object of `section`, empty where it is absent."""
        return next(iter(self.rows(section)), {})


class CgminerApi:
    """Asks one miner, in JSON, or in plain text where it refuses JSON; `noted` gets what was mended."""

    def __init__(self, address: Address, deadline: float, noted: list[str] | None = None) -> None:
        self.host = address.host
        self.port = address.port or DEFAULT_PORT
        self.deadline = Deadline.until(deadline)
        self.noted = noted
        self._speaks_text = False

    @property
    def speaks_text(self) -> bool:
        """Whether it was found to refuse JSON and to answer plain text."""
        return self._speaks_text

    def ask(self, command: str, parameter: str = "") -> Answer:
        """Return what the miner answers to `command`, a refusal included. It may be asked twice.

        Raises Unreachable, and Misread for an answer that is not of this API.
        """
        in_text = f"{command}|{parameter}" if parameter else command
        if self._speaks_text:
            return parse_answer(self._exchange(in_text), self.noted)
        with_parameter = {"parameter": parameter} if parameter else {}
        reply = self._exchange(json.dumps({"command": command, **with_parameter}))
        if not reply.strip(b"\0 \r\n") or _refuses_json(reply):
            return self._ask_in_text(in_text, reply)
        return parse_answer(reply, self.noted)

    def tell(self, request: str) -> bytes | str:
        """Send `request`, once, and return the reply, or in a line why there is none: then nobody knows what it did.

        Raises Unreachable where nothing was sent.
        """
        try:
            connection = connect(self.host, self.port, self.deadline)
        except ConnectionFailed as error:
            raise Unreachable(error.reason) from error
        with connection:
            try:
                connection.sendall(request.encode())
                return _read_reply(connection)
            except ConnectionFailed as error:
                return error.reason

    def _ask_in_text(self, command: str, reply_to_json: bytes) -> Answer:
        reply = self._exchange(command)
        if not reply.strip(b"\0 \r\n"):
            return parse_answer(reply_to_json, self.noted)
        answer = parse_answer(reply, self.noted)
        self._speaks_text = answer.is_text and not answer.is_refusal
        return answer

    def _exchange(self, request: str) -> bytes:
        try:
            with connect(self.host, self.port, self.deadline) as connection:
                connection.sendall(request.encode())
                return _read_reply(connection)
        except ConnectionFailed as error:
            raise Unreachable(error.reason) from error


def parse_answer(reply: bytes, noted: list[str] | None = None) -> Answer:
    """Return `reply` taken apart; `noted` gets a line for each slip in it that was mended.

    Raises Misread, with the reason, when it is not of this API.
    """
    body = reply.strip(b"\0").split(b"\0")[0]
    text = loose_json.decode(body)
    if text.startswith("STATUS="):
        if not text.endswith("|"):
            raise Misread(f"answer cut off after {len(body)} bytes")
        if not loose_json.is_utf8(body):
            loose_json.note([loose_json.LATIN_1], noted)
        return _from_text(text, noted)
    if re.match(r"Ver\[.*\]$|'STATS':\{.*\}$", text, re.DOTALL):
        return Answer({"STATS": [{"MM ID0": text}]}, is_refusal=False, message="")
    document = loose_json.parse(body, "the cgminer API", noted)
    if not isinstance(document, dict) or not any(name.upper() == name for name in document):
        raise Misread("another device's shape (not an answer of the cgminer API)")
    return _from_json(document)


def bracket_fields(text: str) -> dict[str, str]:
    """Return the fields of Avalon's bracket text: "TAvg[90] PS[0 0 4]" is {"TAvg": "90", "PS": "0 0 4"}.

    A field with something astray after it ("TAvg[9]0]") was damaged and is left out.
    """
    found = list(_BRACKETS.finditer(text))
    starts = [match.start() for match in found[1:]]
    fields: dict[str, str] = {}
    for match, following in zip_longest(found, starts):
        if re.fullmatch(r"(?:[\s}'][^\]]*)?", text[match.end() : following]):
            fields.setdefault(match[1].strip(), match[2].strip())
    return fields


def active_pool(pools: list[Fields]) -> Fields:
    """Return the pool that is mined for: its stratum is active, else it is alive; of several the first by priority."""
    ranked = sorted(pools, key=lambda pool: _priority(pool.get("Priority")))
    active = [pool for pool in ranked if str(pool.get("Stratum Active")).lower() == "true"]
    alive = [pool for pool in ranked if str(pool.get("Status")).lower() == "alive"]
    return next(iter(active + alive), {})


def _read_reply(connection: Any) -> bytes:
    reply = bytearray()
    chunk = bytearray(16384)
    while count := connection.recv_into(chunk):
        reply += chunk[:count]
        if reply.rstrip(b"\0") and b"\0" in chunk[:count]:
            break
        if len(reply) > MAX_REPLY_BYTES:
            raise Misread(f"answer is longer than {MAX_REPLY_BYTES} bytes")
    return bytes(reply)


def _refuses_json(reply: bytes) -> bool:
    # A miner that reads JSON refuses in JSON; one that does not, refuses in text.
    return reply.lstrip(b"\0 \r\n").startswith((b"STATUS=E", b"STATUS=F"))


def _from_json(document: Fields) -> Answer:
    status, message = _status(document.get("STATUS"), document.get("Msg"))
    sections = _sections(document)
    if isinstance(message, dict):  # Whatsminer's: it has the figures themselves, or sections of its own
        sections = _sections(message) | sections | {"MSG": [message]}
    return Answer(
        sections, is_refusal=status in ("E", "F"), message=clean_text(message, LONGEST_MESSAGE) or ""
    )


def _status(status: Any, message: Any) -> tuple[str, Any]:
    row = next((row for row in status if isinstance(row, dict)), {}) if isinstance(status, list) else status
    if isinstance(row, dict):
        return str(row.get("STATUS", "S"))[:1].upper(), row.get("Msg", message)
    return str(row or "S")[:1].upper(), message


def _sections(document: Fields) -> dict[str, list[Fields]]:
    lists = {name: rows for name, rows in document.items() if isinstance(rows, list) and name != "STATUS"}
    return {name: [row for row in rows if isinstance(row, dict)] for name, rows in lists.items()}


def _from_text(text: str, noted: list[str] | None) -> Answer:
    status, message = "S", ""
    sections: dict[str, list[Fields]] = {}
    for part in re.split(r"(?<!\\)\|", text):
        name, fields = _text_section(part, noted)
        if name == "STATUS":
            status, message = fields.get("STATUS", "S"), clean_text(fields.get("Msg"), LONGEST_MESSAGE) or ""
        elif name:
            sections.setdefault(_TEXT_SECTIONS.get(name, name), []).append(fields)
    return Answer(sections, is_refusal=status in ("E", "F"), message=message, is_text=True)


def _text_section(part: str, noted: list[str] | None) -> tuple[str, Fields]:
    fields: Fields = {}
    key = name = ""
    for position, piece in enumerate(re.split(r"(?<!\\),", part.strip("\0\r\n "))):
        left, equals, right = piece.partition("=")
        if position == 0:
            key = name = left
        elif not piece:
            loose_json.note([loose_json.MENDED_COMMA], noted)
            continue
        elif equals and "]" not in left:
            key = left
        else:  # a comma inside the value before
            fields[key] = f"{fields.get(key, '')},{_unescape(piece)}"
            continue
        if equals and name != "STATUS" and _JOINED.search(right) and "[" not in right:
            loose_json.note([f"{one_line(key, 40)} left out: a comma is missing after it"], noted)
        elif equals:
            fields[key] = _unescape(right)
    return name, fields


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _priority(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("inf")
