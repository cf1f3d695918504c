"""The arguments of an order, from text as people type it. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from miners.drivers.base import one_line
from miners.drivers.orders import Kind

LONGEST_TEXT = 200
SLOTS = ("primary", "fallback")
LIGHTS = ("on", "off")

Parse = Callable[[str], Any]


def parse_arguments(kind: Kind, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of an order of `kind` from names and texts.

    Raises ValueError, naming what is missing, unknown or wrong.
    """
    known = ARGUMENTS.get(kind, {})
    if unknown := sorted(set(given) - set(known)):
        takes = ", ".join(known) or "none"
        raise ValueError(f"{kind} takes no {unknown[0]!r}; its arguments: {takes}")
    told = {name: known[name](text) for name, text in given.items()}
    complete = DEFAULTS.get(kind, {}) | told
    if missing := [name for name in REQUIRED.get(kind, ()) if name not in complete]:
        raise ValueError(f"{kind} needs {' and '.join(missing)}, as {missing[0]}=VALUE")
    if kind is Kind.FREQUENCY and not complete:
        raise ValueError("frequency needs frequency_mhz, core_voltage_mv or both, as frequency_mhz=525")
    return complete


def _whole(name: str, least: int, most: int) -> Parse:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,6}", text.strip(), re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{name} {text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _one_of(name: str, words: tuple[str, ...]) -> Parse:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{name} {text!r} is none of {', '.join(words)}")
        return text

    return parse


def _text(name: str) -> Parse:
    def parse(text: str) -> str:
        said = one_line(text, LONGEST_TEXT + 1)
        if not said or len(said) > LONGEST_TEXT:
            raise ValueError(f"{name} must have 1 to {LONGEST_TEXT} characters")
        return said

    return parse


def _mode(text: str) -> str:
    return str(_text("mode")(text)).lower()


def _pool_url(text: str) -> str:
    """Return "stratum+tcp://HOST:PORT": what all firmware that takes pools from here can be told."""
    bare = text.strip()
    url = urlsplit(bare if "://" in bare else f"stratum+tcp://{bare}")
    try:
        port = url.port
    except ValueError:
        port = None
    is_plain = url.scheme == "stratum+tcp" and not (url.username or url.path.strip("/") or url.query)
    if not (is_plain and port and re.fullmatch(r"[A-Za-z0-9._-]{1,200}", url.hostname or "")):
        raise ValueError(f"url {text!r} is not a pool such as stratum+tcp://solo.example.org:3333")
    return f"stratum+tcp://{url.hostname}:{port}"


ARGUMENTS: dict[Kind, dict[str, Parse]] = {
    Kind.MODE: {"mode": _mode},
    Kind.LEVEL: {"level": _whole("level", -10, 10)},
    Kind.FREQUENCY: {
        "frequency_mhz": _whole("frequency_mhz", 1, 5_000),
        "core_voltage_mv": _whole("core_voltage_mv", 1, 5_000),
    },
    Kind.POWER: {"power_w": _whole("power_w", 1, 100_000)},
    Kind.POOL: {"slot": _one_of("slot", SLOTS), "url": _pool_url, "user": _text("user")},
    Kind.IDENTIFY: {"light": _one_of("light", LIGHTS)},
}
DEFAULTS: dict[Kind, dict[str, Any]] = {Kind.POOL: {"slot": "primary"}, Kind.IDENTIFY: {"light": "on"}}
REQUIRED: dict[Kind, tuple[str, ...]] = {
    Kind.MODE: ("mode",),
    Kind.LEVEL: ("level",),
    Kind.POWER: ("power_w",),
    Kind.POOL: ("url", "user"),
}
