"""Parasite Pool and pools that run its software: ckpool's figures behind an aggregator, and a web API of its own.

Whoever serves the aggregator (`/aggregator/…`, ckpool's files) is read there; parasite.space itself serves
`/api/pool-stats` and `/api/user/ADDRESS`, with hashrates in H/s, as numbers or texts, and difficulties as "1.13T".
"""

from collections.abc import Callable
from urllib.parse import quote

from hmm.door import Answer, Source
from hmm.lib.http import Reply
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, Asking, Place, PoolError, PoolReport, asked_both, asking, json_object
from pools.clients.ckpool import status_figures, user_figures
from pools.clients.figures import Figures, Told

PARASITE = Source("parasite", fresh_s=60, pace_s=1)
ENDS = ("/pool/pool.status", "/users", "/aggregator", "/pool-stats", "/user", "/api")


def api_pool_figures(reply: Reply) -> Figures:
    """Return the figures of /api/pool-stats. Raises BadAnswer."""
    told = Told(json_object(reply), "pool")
    return told.figures(
        "Parasite's pool-stats",
        pool_hashrate_ghs=told.hashrate_ghs("hashrate"),
        pool_workers=told.count("workers"),
        pool_users=told.count("users"),
    )


def api_user_figures(reply: Reply) -> Figures:
    """Return the figures of /api/user/ADDRESS. Raises BadAnswer."""
    told = Told(json_object(reply), "user")
    return told.figures(
        "a user of Parasite",
        hashrate_ghs=told.hashrate_ghs("hashrate"),
        workers=told.count("workers"),
        best_difficulty=told.number("bestDifficulty"),
    )


class Parasite:
    """A pool in Parasite's style."""

    name = "parasite"
    base_url = "https://parasite.space"
    is_solo = False

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient."""
        way = asking(PARASITE, base_url, deadline, use_cache=use_cache, ends=ENDS)
        user = quote(account.address, safe="")
        return asked_both(
            _either(
                way, ("/api/pool-stats", api_pool_figures), ("/aggregator/pool/pool.status", status_figures)
            ),
            _either(way, (f"/api/user/{user}", api_user_figures), (f"/aggregator/users/{user}", user_figures))
            if user
            else None,
        )


def _either(way: Asking, first: Place, second: Place) -> Callable[[], Answer[Figures]]:
    """Return the question at the first place and, where that answers with something else, at the second."""

    def question() -> Answer[Figures]:
        try:
            return way.get(*first)
        except PoolError as error:
            if not error.answered:
                raise
        return way.get(*second)

    return question


clients.register(Parasite.name, Parasite())
