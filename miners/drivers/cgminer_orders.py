"""Orders over the cgminer API: one request, sent once, in the language that the miner was found to speak."""

import json
import re
from dataclasses import dataclass

from miners.drivers.base import Address, Misread
from miners.drivers.cgminer_api import Answer as Parsed
from miners.drivers.cgminer_api import CgminerApi, parse_answer
from miners.drivers.figures import clean_text
from miners.drivers.orders import Answer

# Some refuse with a status that is none: the words tell.
_REFUSES = re.compile(
    r"don'?t permit|set failed|\berr(or)?\b|unknown (option|argument)|not support|access denied|invalid", re.I
)
_SECRET = re.compile(r"(password is )\S+", re.I)


@dataclass(frozen=True)
class CgminerStep:
    """A command of the cgminer API that changes something."""

    command: str
    parameter: str = ""
    in_text: bool = False
    masked: str | None = None

    def __str__(self) -> str:
        shown = self.parameter if self.masked is None else self.masked
        return f"{self.command}|{shown}" if shown else self.command

    def request(self) -> str:
        """Return what goes over the wire."""
        if self.in_text:
            return f"{self.command}|{self.parameter}" if self.parameter else self.command
        parameter = {"parameter": self.parameter} if self.parameter else {}
        return json.dumps({"command": self.command, **parameter})


def send_cgminer(address: Address, step: CgminerStep, deadline: float) -> Answer:
    """Send `step` once and return what came back. Raises Unreachable where nothing was sent."""
    try:
        reply = CgminerApi(address, deadline).tell(step.request())
    except Misread as error:  # longer than any answer may be
        return Answer(None, error.reason)
    return Answer(None, reply) if isinstance(reply, str) else answer_of(reply)


def answer_of(reply: bytes) -> Answer:
    """Return what a reply says to an order. Pure."""
    said = reply.strip(b"\0\r\n ")
    if not said:
        return Answer(None, "the connection was closed without a word")
    if re.fullmatch(rb"RESTART\|?|\{\W*(STATUS)?\W*RESTART\W*(id\W*\d+)?\W*\}", said):
        return Answer(True, "RESTART")
    try:
        parsed = parse_answer(reply)
    except Misread as error:
        return Answer(None, error.reason)
    words = _SECRET.sub(r"\1•••", _words(parsed, said))
    return Answer(not parsed.is_refusal and not _REFUSES.search(words), words)


def _words(parsed: Parsed, said: bytes) -> str:
    return parsed.message or clean_text(said.decode("utf-8", "replace"), 200) or ""
