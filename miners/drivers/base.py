"""What every miner driver takes and gives."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Protocol

from hmm.lib.registry import Registry

MAX_REPLY_BYTES = 1024 * 1024


class DriverError(Exception):
    """A miner that gave no reading; `reason` is one printable line for people, whatever the device sent."""

    def __init__(self, reason: str) -> None:
        self.reason = one_line(reason, 300)
        super().__init__(self.reason)


class Unreachable(DriverError):
    """Nobody answered, or not to the end: no such host, connection refused, no answer within 5 s."""


class Misread(DriverError):
    """Something answered that this driver cannot read: HTML, half a JSON, another device's shape."""


@dataclass(frozen=True)
class Address:
    """Where a miner listens; without a port it is the driver's own."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True)
class Reading:
    """What a miner says of itself at one moment; None for what it does not say, or says impossibly.

    `accepted` and `rejected` are the device's own counters, which reset with it. `hashrate_ghs` is the
    current one, never an average over days. `pool_url` and `pool_user` are those in use. `mode` is the
    device's own word: "paused", "eco", "idle". `identity` is its MAC ("C0:FF:EE:00:00:01") or serial;
    `serial` the serial of a device that is known by its MAC, which one reply may lack.
    `frequency_mhz` and `core_voltage_mv` are those that its chips are set to. `warnings` tell in one line each
    what was left out and why.
    """

    driver: str
    model: str | None = None
    firmware: str | None = None
    hashrate_ghs: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    fan_rpm: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    uptime_s: int | None = None
    pool_url: str | None = None
    pool_user: str | None = None
    mode: str | None = None
    warnings: tuple[str, ...] = ()
    identity: str | None = None
    serial: str | None = None
    frequency_mhz: float | None = None
    core_voltage_mv: float | None = None


class Driver(Protocol):
    """Reads the miners of one protocol.

    `is_generic` says that it also reads, less well, what a more particular driver of the same port reads;
    it is then tried after that one. `is_passive` says that it asks nothing and waits for what the miner
    sends by itself, which takes as long as it may; `is_detected` that it is tried where nobody says which
    driver it is; `has_fixed_ports` that it asks ports of its own, `default_port` among them, and cannot ask on one that
    the user chose.
    """

    name: str
    default_port: int
    is_generic: bool
    is_passive: bool
    has_fixed_ports: bool

    @property
    def is_detected(self) -> bool: ...

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now.

        `deadline` is an instant of `time.monotonic()` that bounds the whole read. Raises Unreachable or
        Misread, and nothing else whatever the device sends.
        """
        ...


class PlainDriver:
    """What most drivers are: see Driver."""

    is_generic = False
    is_passive = False
    has_fixed_ports = False
    is_detected = True


drivers: Registry[Driver] = Registry("driver", "miners.drivers")


def one_line(text: str, longest: int) -> str:
    """Return `text` as one line without control characters, at most `longest` characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:longest]


def parse_address(text: str) -> Address:
    """Return the address that HOST, HOST:PORT, [IPV6], [IPV6]:PORT or a bare IPv6 address means.

    http://HOST:PORT/, as a browser shows it, means the same. Raises ValueError, naming what is wrong.
    """
    bare = _without_scheme(text.strip())
    if bare.count(":") > 1 and not bare.startswith("["):
        return Address(_checked_ipv6(bare), None)
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::(.*))?", bare)
    if not match:
        raise ValueError(f"{text!r} is not an address such as 192.168.1.20, bitaxe.local:80 or [fe80::1]:80")
    host = _checked_ipv6(match[1]) if match[1] is not None else _checked_host(match[2])
    return Address(host, _checked_port(match[3]))


def _without_scheme(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    if scheme.lower() != "http":
        raise ValueError(f"{text!r} is not an address: leave {scheme}:// out")
    return rest.removesuffix("/")


def _checked_ipv6(host: str) -> str:
    try:
        IPv6Address(host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IPv6 address") from None
    return host


def _checked_host(host: str) -> str:
    if not host or re.search(r"[\s/@?#]", host) or not host.isprintable():
        raise ValueError(f"{host!r} is not a host name or an IP address")
    return host


def _checked_port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise ValueError(f"{text!r} is not a port from 1 to 65535")
    return int(text)
