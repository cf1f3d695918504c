"""mempool.space's prices, of Bitcoin alone: whole numbers, and -1 where there is none."""

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, Pair, Prices, note_missing, some_prices

MEMPOOL = Source("mempool", fresh_s=300, pace_s=5, burst=3)
WANTED = [("BTC", currency) for currency in CURRENCIES]


def read_prices(reply: Reply) -> dict[Pair, float]:
    """Return the prices of /api/v1/prices. Raises BadAnswer."""
    told = reply.json()
    if not isinstance(told, dict):
        raise BadAnswer("answer is not a JSON object", 200)
    return some_prices({(coin, currency): told.get(currency) for coin, currency in WANTED})


class Mempool:
    """mempool.space, or an instance of your own."""

    name = "mempool"
    rank = 2
    coins: tuple[str, ...] = ("BTC",)

    def prices(self, base_url: str | None = None) -> Prices:
        """See PriceSource."""
        url = f"{(base_url or settings.MEMPOOL_BASE_URL).rstrip('/')}/api/v1/prices"
        answer = ask(MEMPOOL, url, read_prices)
        if not answer.is_stale:
            note_missing(MEMPOOL, url, answer.value, WANTED)
        return Prices(answer.value, answer.age_s, answer.error)


price_sources.register(Mempool.name, Mempool())
