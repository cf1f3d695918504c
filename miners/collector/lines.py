"""An outcome of a poll as a line of text with a checksum, and back. Pure."""

import json
import zlib
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from miners.collector.poll import Outcome, Target
from miners.drivers.base import Reading

READING_FIELDS = {field.name for field in fields(Reading)}
TARGET_FIELDS = {field.name for field in fields(Target)}


class Damaged(ValueError):
    """A line that is not what was written, or that this version cannot read."""


def write_line(outcome: Outcome) -> bytes:
    """Return `outcome` as one line: eight hexadecimal digits of CRC-32, a space, JSON without what is unknown."""
    document = {"at": outcome.at.isoformat(), "target": _said(asdict(outcome.target))}
    if isinstance(outcome.result, Reading):
        document["reading"] = _said({name: getattr(outcome.result, name) for name in READING_FIELDS})
    else:
        document["reason"] = outcome.result
    text = json.dumps(document, separators=(",", ":"), default=str).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_line(line: bytes) -> Outcome:
    """Return the outcome that was written as `line`. Raises Damaged."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        raise Damaged("the checksum is wrong")
    try:
        return _outcome(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(f"this version cannot read it: {type(error).__name__}: {error}") from None


def _outcome(document: dict[str, Any]) -> Outcome:
    target = Target(**{"port": None} | _known(document["target"], TARGET_FIELDS))
    at = datetime.fromisoformat(document["at"])
    if "reading" not in document:
        return Outcome(target, at, str(document["reason"]))
    said = _known(document["reading"], READING_FIELDS)
    return Outcome(target, at, Reading(**said | {"warnings": tuple(said.get("warnings", ()))}))


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != ()}


def _known(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
