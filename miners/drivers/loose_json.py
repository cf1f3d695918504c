"""JSON as miners write it: trailing NULs, missing and extra commas, Latin-1 bytes, NaN.

Only what cannot change a value is mended. What was cut off stays refused: nothing is closed that was open.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from hmm.lib.http import explain_not_json
from miners.drivers.base import Misread

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)(\(\w*\))?", re.IGNORECASE)


def parse(body: bytes, wanted: str = "JSON") -> Any:
    """Return what `body` says. Raises Misread with the reason: HTML (not `wanted`), cut off, no JSON."""
    text = decode(body)
    for candidate in (lambda: text, lambda: mend(text)):
        try:
            return json.loads(candidate(), strict=False, parse_constant=_nothing)
        except (ValueError, RecursionError):
            continue
    raise Misread(explain_not_json(body, wanted))


def decode(body: bytes) -> str:
    """Return `body` as text: UTF-8, else Latin-1; without the NULs and blanks around it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
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


def _nothing(name: str) -> None:
    return None
