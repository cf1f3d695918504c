"""JSON as miners write it: trailing NULs, missing and extra commas, Latin-1 bytes, NaN.

Only what cannot change a value is mended, and it is noted. What was cut off stays refused: nothing is closed
that was open.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from hmm.lib.http import explain_not_json
from miners.drivers.base import Misread, one_line

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)(\(\w*\))?", re.IGNORECASE)


MENDED = "the answer was not quite JSON and was mended: commas, NaN or the like"
MENDED_COMMA = "the answer was mended: it has a comma too many"
LATIN_1 = "the answer is not UTF-8 and was read as Latin-1"


def parse(body: bytes, wanted: str = "JSON", noted: list[str] | None = None) -> Any:
    """Return what `body` says; `noted` gets a line for each slip that was mended.

    Raises Misread with the reason: HTML (not `wanted`), cut off, no JSON.
    """
    text, slips = decode(body), [] if is_utf8(body) else [LATIN_1]

    def nothing(_: str) -> None:
        slips.append(MENDED)

    for candidate in (lambda: text, lambda: mend(text)):
        try:
            document = json.loads(
                candidate(), strict=False, parse_constant=nothing, object_pairs_hook=partial(_object, slips)
            )
        except (ValueError, RecursionError):
            slips.append(MENDED)
            continue
        note(slips, noted)
        return document
    raise Misread(explain_not_json(body, wanted))


def _object(slips: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values; null for a key that has two values, since nobody knows which holds."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if value != found[key] and found[key] is not None:
                found[key] = None
                slips.append(f"{one_line(key, 40)} left out: it is told twice, differently")
    return found


def note(slips: list[str], noted: list[str] | None) -> None:
    """Add each of `slips` to `noted`, once."""
    for slip in slips:
        if noted is not None and slip not in noted:
            noted.append(slip)


def decode(body: bytes) -> str:
    """Return `body` as text: UTF-8, else Latin-1; without the NULs and blanks around it."""
    text = body.decode("utf-8" if is_utf8(body) else "latin-1")
    return text.strip("\0 \t\r\n\ufeff")


def mend(text: str) -> str:
    """Return `text` with missing commas put in, extra ones taken out, and null for NaN and for no value."""
    mended: list[str] = []
    for token in _tokens(text):
        before = mended[-1] if mended else ""
        if token in ",}]" and before == ":":
            mended.append("null")
        elif token == "," and before in ("", ",", "{", "["):
            continue
        elif token in "}]" and before == ",":
            mended.pop()
        elif token not in ",:}]" and before not in ("", ",", ":", "{", "["):
            mended.append(",")
        mended.append(token)
    return " ".join(mended)


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match[0]
        yield "null" if _NOT_FINITE.fullmatch(token) else token


def is_utf8(body: bytes) -> bool:
    """Return whether `body` is UTF-8; what is not is read as Latin-1."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
