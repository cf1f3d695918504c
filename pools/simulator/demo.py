"""The simulated pools as pools of an installation. Afterwards nothing knows that they are simulated."""

from pools.models import Pool

WALLET = "bc1qdemo0000000000000000000000000000000000"
POOLS = (("Solo CKPool (simulated)", "ckpool"), ("SoloPool (simulated)", "solopool"))


def add_simulated_pools(url: str) -> list[Pool]:
    """Make the simulated services at `url` pools, and return them; those that are there get that address."""
    return [_add(name, client, url) for name, client in POOLS]


def _add(name: str, client: str, url: str) -> Pool:
    known = {"client": client, "url": url}
    pool, _ = Pool.objects.update_or_create(
        name=name, defaults=known, create_defaults={**known, "user": WALLET, "is_solo": True}
    )
    return pool
