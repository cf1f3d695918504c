"""ViaBTC's open API, with a key sent as X-API-KEY. Hashrates are texts, in H/s; `code` 0 is good."""

from hmm.door import Source
from hmm.lib.http import BadAnswer, Reply
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolReport, asked_both, asking, json_object
from pools.clients.figures import Figures, Told

VIABTC = Source("viabtc", fresh_s=120, pace_s=2)
PATH = "/res/openapi/v1/hashrate"


def hashrate_figures(reply: Reply) -> Figures:
    """Return the figures of an account's hashrate. Raises BadAnswer, also for a `code` other than 0."""
    found = json_object(reply)
    if found.get("code") != 0:
        raise BadAnswer(f"ViaBTC says: {str(found.get('message') or found.get('code'))[:200]}", 200)
    told = Told(found["data"] if isinstance(found.get("data"), dict) else {}, "user")
    return told.figures(
        "a hashrate of ViaBTC",
        hashrate_ghs=told.hashrate_ghs("hashrate_10min"),
        hashrate_1h_ghs=told.hashrate_ghs("hashrate_1hour"),
        hashrate_1d_ghs=told.hashrate_ghs("hashrate_24hour"),
        workers=told.count("active_workers"),
    )


class ViaBtc:
    """ViaBTC."""

    name = "viabtc"
    base_url = "https://www.viabtc.net"
    is_solo = False

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient."""
        headers = {"X-API-KEY": account.token} if account.token else {}
        way = asking(VIABTC, base_url, deadline, use_cache=use_cache, ends=(PATH,), headers=headers)
        return asked_both(None, lambda: way.get(PATH, hashrate_figures, {"coin": "BTC"}))


clients.register(ViaBtc.name, ViaBtc())
