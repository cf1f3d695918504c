"""public-pool: public-pool.io:40557, and whoever runs it at home. Hashrates are H/s.

`bestDifficulty` is a number or a text, by fork and by level. A user's hashrate is that of the workers it lists.
"""

from typing import Any

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply
from pools.clients import clients
from pools.clients.base import PoolAndUser, json_object
from pools.clients.figures import Figures, Told

PUBLIC_POOL = Source("public_pool", fresh_s=60, pace_s=1)


def pool_figures(reply: Reply) -> Figures:
    """Return the figures of /api/pool. Raises BadAnswer."""
    told = Told(json_object(reply), "pool")
    blocks = told.list("blocksFound")
    return told.figures(
        "public-pool's figures",
        pool_hashrate_ghs=told.hashrate_ghs("totalHashRate"),
        pool_workers=told.count("totalMiners"),
        blocks_found=None if blocks is None else len(blocks),
    )


def client_figures(reply: Reply) -> Figures:
    """Return the figures of /api/client/ADDRESS. Raises BadAnswer."""
    found = json_object(reply)
    told = Told(found, "user")
    workers = told.list("workers")
    if workers is None:
        raise BadAnswer("answer is not a user of public-pool: it lists no workers", 200)
    count, best = told.count("workersCount"), told.number("bestDifficulty")
    hashrate_ghs = _sum_of(workers, count, told)
    return told.figures(
        "a user of public-pool",
        hashrate_ghs=hashrate_ghs,
        workers=len(workers) if count is None else count,
        best_difficulty=best,
    )


def _sum_of(workers: list[Any], count: int | None, told: Told) -> float | None:
    """Return the workers' hashrates together; None where one is missing, since part of a sum is not the sum."""
    if count is not None and count != len(workers):
        told.warn(f"hashrate left out: {len(workers)} of {count} workers are listed")
        return None
    each = [Told(worker if isinstance(worker, dict) else {}, "worker") for worker in workers]
    hashrates_ghs = [worker.hashrate_ghs("hashRate") for worker in each]
    if any(hashrate_ghs is None for hashrate_ghs in hashrates_ghs):
        told.warn("hashrate left out: a worker has none")
        return None
    told.read += 1
    return sum(hashrate_ghs or 0.0 for hashrate_ghs in hashrates_ghs)


class PublicPool(PoolAndUser):
    """A pool that runs public-pool."""

    name = "public_pool"
    base_url = "https://public-pool.io:40557"
    is_solo = True
    source = PUBLIC_POOL
    ends = ("/pool", "/client", "/api")
    pool_at = ("/api/pool", pool_figures)
    user_at = ("/api/client/", client_figures)


clients.register(PublicPool.name, PublicPool())
