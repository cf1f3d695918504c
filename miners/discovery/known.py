"""Whether a found miner is one of those that are known. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from miners.discovery.scan import Found
from miners.drivers import drivers
from miners.identity import names_of, stranger


class Standing(StrEnum):
    """What a found miner is to the house."""

    NEW = "new"
    KNOWN = "known"
    MOVED = "moved"
    """Known by its identity, at another address."""
    STRANGER = "another device"
    """At the address of a known miner, and not that one."""


class Known(Protocol):
    """What is compared of a miner of the database."""

    name: str
    host: str
    port: int | None
    identity: str


@dataclass(frozen=True)
class Verdict:
    """What a found miner is, and which of the known ones it is or displaces."""

    standing: Standing
    name: str = ""
    words: str = ""
    identity: str = ""
    """By which one that moved is known."""


def verdict(found: Found, miners: Iterable[Known]) -> Verdict:
    """Return what `found` is among `miners`, those that are not retired. Its identity goes before its address."""
    known = list(miners)
    there = next((miner for miner in known if _is_at(miner, found)), None)
    names = names_of(found.reading)
    same = next((miner for miner in known if miner.identity and miner.identity in names), None)
    if same is not None and same is not there:
        words = f"is {same.name}, which was at {_address(same)}"
        return Verdict(Standing.MOVED, same.name, words, same.identity)
    if there is None:
        return Verdict(Standing.NEW)
    if other := stranger(there.identity, found.reading):
        words = f"is {other}, but {there.name} here is {there.identity}"
        return Verdict(Standing.STRANGER, there.name, words)
    return Verdict(Standing.KNOWN, there.name, f"is {there.name}")


def _is_at(miner: Known, found: Found) -> bool:
    default = drivers[found.reading.driver].default_port
    return miner.host == found.address.host and (miner.port or default) == (found.address.port or default)


def _address(miner: Known) -> str:
    return f"{miner.host}:{miner.port}" if miner.port else miner.host or "no address"
