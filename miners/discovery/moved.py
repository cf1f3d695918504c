"""Finds miners again whose address changed: by MAC or serial, around the address they had."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

from miners.discovery.adopt import follow_all, known_miners
from miners.discovery.known import Standing, verdict
from miners.discovery.networks import hosts
from miners.discovery.scan import scan
from miners.drivers import Address
from miners.models import Miner, MinerState

MISSING_FOR = timedelta(minutes=5)
NETWORKS_AT_MOST = 4
LOOKED_FOR_EACH = timedelta(minutes=10)
"""How often the schedule has them looked for; each time the next networks have their turn."""


def find_moved(now: datetime, *, listen_s: float = 0.0) -> tuple[list[Miner], list[str]]:
    """Follow the miners that are found at another address; return them, and why others are not followed.

    Only private /24 networks are looked through, those of miners that have been unreachable for five minutes, a few
    at a time.
    """
    miners = known_miners()
    networks = in_turn(missing_networks(miners, now), now)
    moves: dict[str, Address] = {}
    for network in networks:
        for step in scan(hosts(network), listen_s=listen_s):
            found = step.found
            if found and (judged := verdict(found, miners)).standing is Standing.MOVED:
                moves[judged.identity] = found.address
    missing = {miner.identity for miner in miners if is_missing(miner, now)}
    return follow_all({identity: address for identity, address in moves.items() if identity in missing})


def missing_networks(miners: Iterable[Miner], now: datetime) -> list[IPv4Network]:
    """Return the private /24 networks of the miners that are missing, each once."""
    found = (_private_24(miner.host) for miner in miners if is_missing(miner, now))
    return list(dict.fromkeys(network for network in found if network))


def in_turn(networks: Sequence[IPv4Network], now: datetime) -> list[IPv4Network]:
    """Return those of `networks` whose turn it is at `now`: a miner that is gone for good must not hide another's. Pure."""
    turn = int(now.timestamp() // LOOKED_FOR_EACH.total_seconds())
    first = turn * NETWORKS_AT_MOST % max(1, len(networks))
    return [*networks[first:], *networks[:first]][:NETWORKS_AT_MOST]


def is_missing(miner: Miner, now: datetime) -> bool:
    """Return whether `miner` is worth looking for: known by an identity, and unreachable for a while.

    One with a port of its own is not looked for: only the drivers' own ports are asked.
    """
    since = miner.state_since
    is_unreachable = (
        miner.state == MinerState.UNREACHABLE and since is not None and now - since >= MISSING_FOR
    )
    return bool(is_unreachable and miner.enabled and miner.identity and miner.host and miner.port is None)


def _private_24(host: str) -> IPv4Network | None:
    try:
        address = IPv4Address(host)
    except ValueError:
        return None
    return IPv4Network(f"{address}/24", strict=False) if address.is_private else None
