"""Braiins Pool. Needs an access token, sent as Pool-Auth-Token; at most one question in 5 s.

The unit of hashrates is in `hash_rate_unit`, and varies; amounts in BTC are texts or numbers.
"""

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolReport, asked_both, asking, json_object
from pools.clients.figures import Figures, Told

BRAIINS = Source("braiins", fresh_s=120, pace_s=5)
MOST_BTC = 21e6


def _btc(reply: Reply, whose: str) -> tuple[Told, str]:
    """Return what is told of BTC, and the unit of its hashrates."""
    found = json_object(reply).get("btc")
    if not isinstance(found, dict):
        raise BadAnswer("answer says nothing of btc", 200)
    told = Told(found, whose)
    return told, told.text("hash_rate_unit") or "of no unit"


def profile_figures(reply: Reply) -> Figures:
    """Return the figures of /accounts/profile/json/btc/. Raises BadAnswer."""
    told, unit = _btc(reply, "user")
    return told.figures(
        "a profile of Braiins Pool",
        hashrate_ghs=told.hashrate_ghs("hash_rate_5m", unit),
        hashrate_1h_ghs=told.hashrate_ghs("hash_rate_60m", unit),
        hashrate_1d_ghs=told.hashrate_ghs("hash_rate_24h", unit),
        workers=told.count("ok_workers"),
        balance=_balance(told),
    )


def _balance(told: Told) -> float | None:
    """Return what is earned and not paid out; older profiles call it confirmed_reward."""
    now = told.number("current_balance", most=MOST_BTC)
    return told.number("confirmed_reward", most=MOST_BTC) if now is None else now


def stats_figures(reply: Reply) -> Figures:
    """Return the figures of /stats/json/btc/. Raises BadAnswer."""
    told, unit = _btc(reply, "pool")
    return told.figures(
        "the stats of Braiins Pool",
        pool_hashrate_ghs=told.hashrate_ghs("pool_5m_hash_rate", unit),
        pool_workers=told.count("pool_active_workers"),
    )


class Braiins:
    """Braiins Pool, once Slush Pool."""

    name = "braiins"
    base_url = "https://pool.braiins.com"
    is_solo = False

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient."""
        headers = {"Pool-Auth-Token": account.token} if account.token else {}
        ends = ("/accounts/profile/json/btc", "/stats/json/btc")
        way = asking(BRAIINS, base_url, deadline, use_cache=use_cache, ends=ends, headers=headers)
        return asked_both(
            lambda: way.get("/stats/json/btc/", stats_figures),
            lambda: way.get("/accounts/profile/json/btc/", profile_figures),
        )


clients.register(Braiins.name, Braiins())
