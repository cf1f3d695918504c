"""CoinGecko's public API. A coin that it does not know is missing from its answer; so is a currency."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, Pair, Prices, note_missing, some_prices

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


def _value(told: Mapping[str, Any], coin: str, currency: str) -> Any:
    prices = told.get(IDS[coin])
    return prices.get(currency.lower()) if isinstance(prices, dict) else None


class CoinGecko:
    """api.coingecko.com."""

    name = "coingecko"
    rank = 1
    coins = tuple(IDS)

    def prices(self, base_url: str | None = None) -> Prices:
        """See PriceSource."""
        url = f"{(base_url or settings.COINGECKO_BASE_URL).rstrip('/')}/api/v3/simple/price"
        answer = ask(COINGECKO, url, read_prices, params=QUESTION)
        if not answer.is_stale:
            note_missing(COINGECKO, url, answer.value, WANTED)
        return Prices(answer.value, answer.age_s, answer.error)


price_sources.register(CoinGecko.name, CoinGecko())
