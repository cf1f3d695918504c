"""Keeps what was found: a new miner is added, one that moved is followed."""

from django.db import transaction

from miners.data_sheets import model_named
from miners.discovery.scan import Found
from miners.drivers import Address, Reading
from miners.membership import MembershipRefused, add_miner
from miners.models import Miner, Site


def known_miners() -> list[Miner]:
    """Return the miners that are not retired."""
    return list(Miner.objects.filter(retired_at=None).order_by("pk"))


def adopt(found: Found, site: Site, name: str = "") -> Miner:
    """Add the miner that was found. Raises MembershipRefused when its name, address or identity is taken."""
    return add_read(name or str(found.address), found.address, found.reading, site)


def add_read(name: str, address: Address, reading: Reading, site: Site) -> Miner:
    """Add a miner as its reading tells it. Raises MembershipRefused when its name, address or identity is taken."""
    with transaction.atomic():
        model = model_named(reading.model, reading.driver) if reading.model else None
        return add_miner(
            name,
            address.host,
            address.port,
            reading.driver,
            site=site,
            model=model,
            identity=(reading.identity or "")[:64],
        )


def follow(identity: str, address: Address) -> Miner:
    """Have the miner with `identity` polled at `address` from now on.

    Raises MembershipRefused when there is none, or when another miner is polled there.
    """
    followed, refused = follow_all({identity: address})
    if refused:
        raise MembershipRefused(refused[0])
    if not followed:
        raise MembershipRefused(f"no miner is known as {identity}")
    return followed[0]


def follow_all(moves: dict[str, Address]) -> tuple[list[Miner], list[str]]:
    """Have the miners with these identities polled at these addresses; return them, and why others are not.

    Miners that changed places are all followed; one whose new address is that of a miner which stays is not.
    """
    with transaction.atomic():
        known = Miner.objects.select_for_update().filter(retired_at=None).order_by("pk")
        staying = {Address(m.host, m.port): m.name for m in known if m.host and m.identity not in moves}
        moving = [miner for miner in known if miner.identity in moves]
        refused = [
            f"{staying[moves[miner.identity]]} has the address {moves[miner.identity]} already; "
            "give it another one first"
            for miner in moving
            if moves[miner.identity] in staying
        ]
        followed = [miner for miner in moving if moves[miner.identity] not in staying]
        for miner in followed:
            miner.host, miner.port = moves[miner.identity].host, moves[miner.identity].port
        Miner.objects.bulk_update(followed, ["host", "port"])
    return followed, refused
