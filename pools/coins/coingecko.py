"""CoinGecko's public API. A coin that it does not know is missing from its answer; so is a currency.

The past is told an hour apart for stretches of up to 90 days, a day apart for longer ones, and without a paid key for the last
365 days; times there are milliseconds. (docs.coingecko.com: /coins/{id}/market_chart/range)
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, Pair, Past, Prices, note_missing, past_of, some_prices

COINGECKO = Source("coingecko", fresh_s=300, pace_s=6)
IDS = {"BTC": "bitcoin", "BCH": "bitcoin-cash", "DGB": "digibyte"}
WANTED = [(coin, currency) for coin in IDS for currency in CURRENCIES]
QUESTION = {"ids": ",".join(IDS.values()), "vs_currencies": ",".join(CURRENCIES).lower()}


def read_prices(reply: Reply) -> dict[Pair, float]:
    """Return the prices of /simple/price. Raises BadAnswer, also for an answer that is only an error."""
    told = reply.json()
    if not isinstance(told, dict):
        raise BadAnswer("answer is not a JSON object", 200)
    if isinstance(told.get("status"), dict):
        raise BadAnswer(f"CoinGecko says: {str(told['status'].get('error_message'))[:200]}", 200)
    return some_prices({(coin, currency): _value(told, coin, currency) for coin, currency in WANTED})


def read_past(reply: Reply, start: datetime, end: datetime) -> Past:
    """Return the prices of /coins/{id}/market_chart/range in [start, end). Raises BadAnswer."""
    told = reply.json()
    rows = told.get("prices") if isinstance(told, dict) else None
    if not isinstance(rows, list):
        raise BadAnswer("answer has no list of prices", 200)
    if not all(isinstance(row, list) and len(row) == 2 and _is_number(row[0]) for row in rows):
        raise BadAnswer("a price of the past is not a time and a price", 200)
    return past_of([(ms // 1000, price) for ms, price in rows], start, end)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(told: Mapping[str, Any], coin: str, currency: str) -> Any:
    prices = told.get(IDS[coin])
    return prices.get(currency.lower()) if isinstance(prices, dict) else None


class CoinGecko:
    """api.coingecko.com."""

    name = "coingecko"
    rank = 1
    coins = tuple(IDS)
    past_days = 89

    def prices(self, base_url: str | None = None) -> Prices:
        """See PriceSource."""
        url = f"{(base_url or settings.COINGECKO_BASE_URL).rstrip('/')}/api/v3/simple/price"
        answer = ask(COINGECKO, url, read_prices, params=QUESTION)
        if not answer.is_stale:
            note_missing(COINGECKO, url, answer.value, WANTED)
        return Prices(answer.value, answer.age_s, answer.error)

    def past(self, pair: Pair, start: datetime, end: datetime, base_url: str | None = None) -> Past:
        """See PriceSource. Not cached: it is asked for once."""
        coin, currency = pair
        url = f"{(base_url or settings.COINGECKO_BASE_URL).rstrip('/')}/api/v3/coins/{IDS[coin]}/market_chart/range"
        question = {
            "vs_currency": currency.lower(),
            "from": str(int(start.timestamp())),
            "to": str(int(end.timestamp())),
        }
        return ask(COINGECKO, url, lambda r: read_past(r, start, end), params=question, use_cache=False).value


price_sources.register(CoinGecko.name, CoinGecko())
