"""F2Pool's first API: api.f2pool.com/bitcoin/USER. Hashrates are H/s; work is told in hashes of the last hour."""

from urllib.parse import quote

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport, asked_both, asking, json_object
from pools.clients.figures import H_PER_GH, MOST_GHS, Figures, Told

F2POOL = Source("f2pool", fresh_s=120, pace_s=2)
MOST_HASHES_AN_HOUR = MOST_GHS * H_PER_GH * 3600


def user_figures(reply: Reply) -> Figures:
    """Return the figures of a user. Raises BadAnswer."""
    found = json_object(reply)
    if "hashrate" not in found or "hashes_last_hour" not in found:
        raise BadAnswer("answer is not a user of F2Pool", 200)
    told = Told(found, "user")
    return told.figures(
        "a user of F2Pool",
        hashrate_ghs=told.hashrate_ghs("hashrate"),
        workers=told.count("worker_length_online"),
        balance=told.number("balance", most=21e6),
        reject_rate=_reject_rate(told),
    )


def _reject_rate(told: Told) -> float | None:
    """Return the share of the last hour's work that came too late, in %; the rest is what was accepted."""
    good, late = (
        told.number("hashes_last_hour", most=MOST_HASHES_AN_HOUR),
        told.number("stale_hashes_rejected_last_hour", most=MOST_HASHES_AN_HOUR),
    )
    if good is None or late is None or good + late == 0:
        return None
    return 100 * late / (good + late)


class F2Pool:
    """F2Pool."""

    name = "f2pool"
    base_url = "https://api.f2pool.com"
    is_solo = False

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient."""
        if not account.address:
            raise PoolError("F2Pool is asked about a user: give its name")
        way = asking(F2POOL, base_url, deadline, use_cache=use_cache, ends=("/bitcoin",))
        user = quote(account.address, safe="")
        return asked_both(None, lambda: way.get(f"/bitcoin/{user}", user_figures))


clients.register(F2Pool.name, F2Pool())
