"""No figures but the handshake of a miner: for pools that serve nothing else. The address is stratum+tcp://host:port."""

from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport
from pools.stratum import parse_endpoint, shake_hands


class Stratum:
    """Whatever speaks stratum v1."""

    name = "stratum"
    base_url = ""
    is_solo = False

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient. Never cached: it is a check."""
        try:
            endpoint = parse_endpoint(base_url)
        except ValueError as error:
            raise PoolError(str(error), "address") from None
        shaken = shake_hands(endpoint, account.user, account.token or "x", deadline)
        if shaken.authorized is False:
            raise PoolError(f"refused {account.user}: {shaken.refusal}", "authorize", answered=True)
        return PoolReport(response_time_ms=shaken.response_time_ms)


clients.register(Stratum.name, Stratum())
