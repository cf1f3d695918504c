"""mempool.space's prices, of Bitcoin alone: whole numbers, and -1 where there is none.

The past is one long answer: prices an hour apart for as long as the instance has watched them, a week apart before. It is kept
for an hour, so that many stretches of one currency are one question.
"""

from dataclasses import replace
from datetime import datetime

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, Pair, Past, Prices, note_missing, past_of, some_prices

MEMPOOL = Source("mempool", fresh_s=300, pace_s=5, burst=3)
MEMPOOL_PAST = replace(MEMPOOL, fresh_s=3600, stands_in_s=0, timeout_s=30, max_bytes=32 * 1024 * 1024)
WANTED = [("BTC", currency) for currency in CURRENCIES]


def read_prices(reply: Reply) -> dict[Pair, float]:
    """Return the prices of /api/v1/prices. Raises BadAnswer."""
    told = reply.json()
    if not isinstance(told, dict):
        raise BadAnswer("answer is not a JSON object", 200)
    return some_prices({(coin, currency): told.get(currency) for coin, currency in WANTED})


def read_past(reply: Reply, currency: str, start: datetime, end: datetime) -> Past:
    """Return the prices of /api/v1/historical-price in [start, end). Raises BadAnswer."""
    told = reply.json()
    rows = told.get("prices") if isinstance(told, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer("answer has no list of prices", 200)
    return past_of([(row.get("time"), row.get(currency)) for row in rows], start, end)


class Mempool:
    """mempool.space, or an instance of your own."""

    name = "mempool"
    rank = 2
    coins: tuple[str, ...] = ("BTC",)
    past_days = 3660

    def prices(self, base_url: str | None = None) -> Prices:
        """See PriceSource."""
        url = f"{(base_url or settings.MEMPOOL_BASE_URL).rstrip('/')}/api/v1/prices"
        answer = ask(MEMPOOL, url, read_prices)
        if not answer.is_stale:
            note_missing(MEMPOOL, url, answer.value, WANTED)
        return Prices(answer.value, answer.age_s, answer.error)

    def past(self, pair: Pair, start: datetime, end: datetime, base_url: str | None = None) -> Past:
        """See PriceSource."""
        url = f"{(base_url or settings.MEMPOOL_BASE_URL).rstrip('/')}/api/v1/historical-price"
        currency = pair[1]

        def read(reply: Reply) -> Past:
            return read_past(reply, currency, start, end)

        return ask(MEMPOOL_PAST, url, read, params={"currency": currency}).value


price_sources.register(Mempool.name, Mempool())
