"""SoloPool: {btc,bch,dgb-sha,bc2}.solopool.org, one address a coin. Hashrates are H/s.

Its amounts are not read: programs that do take them for 1e-8 coins or for 1e-9, and it pays each block at once.
"""

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply
from pools.clients import clients
from pools.clients.base import PoolAndUser, json_object
from pools.clients.figures import Figures, Told

SOLOPOOL = Source("solopool", fresh_s=120, pace_s=2)


def stats_figures(reply: Reply) -> Figures:
    """Return the figures of /api/stats. Raises BadAnswer."""
    told = Told(json_object(reply), "pool")
    return told.figures(
        "SoloPool's stats",
        pool_hashrate_ghs=told.hashrate_ghs("hashrate"),
        pool_users=told.count("minersTotal"),
        pool_workers=told.count("workersTotal"),
    )


def account_figures(reply: Reply) -> Figures:
    """Return the figures of /api/accounts/ADDRESS. Raises BadAnswer."""
    found = json_object(reply)
    told = Told(found, "user")
    if not found.keys() & {"currentHashrate", "hashrate", "workers", "workersTotal"}:
        raise BadAnswer("answer is not an account of SoloPool", 200)
    stats = Told(told.object("stats"), "user's stats")
    figures = told.figures(
        "an account of SoloPool",
        hashrate_ghs=told.hashrate_ghs("currentHashrate"),
        hashrate_1h_ghs=told.hashrate_ghs("hashrate"),
        workers=told.count("workersOnline"),
        blocks_found=stats.count("blocksFound"),
    )
    return Figures(figures.found, (*figures.warnings, *stats.warnings))


class SoloPool(PoolAndUser):
    """solopool.org."""

    name = "solopool"
    base_url = "https://btc.solopool.org"
    is_solo = True
    source = SOLOPOOL
    ends = ("/stats", "/accounts", "/api")
    pool_at = ("/api/stats", stats_figures)
    user_at = ("/api/accounts/", account_figures)


clients.register(SoloPool.name, SoloPool())
