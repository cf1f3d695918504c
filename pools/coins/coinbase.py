"""Coinbase's exchange rates: one question a coin, prices as texts. It does not trade DigiByte."""

from django.conf import settings

from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, HttpError, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, OnlyNow, Pair, Prices, some_prices

COINBASE = Source("coinbase", fresh_s=300, pace_s=6, burst=2)


def read_prices(reply: Reply) -> dict[Pair, float]:
    """Return the prices of /v2/exchange-rates. Raises BadAnswer."""
    told = reply.json()
    data = told.get("data") if isinstance(told, dict) else None
    rates = data.get("rates") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(rates, dict):
        raise BadAnswer("answer has no rates", 200)
    return some_prices(
        {(str(data.get("currency")), currency): rates.get(currency) for currency in CURRENCIES}
    )


class Coinbase(OnlyNow):
    """api.coinbase.com."""

    name = "coinbase"
    rank = 3
    coins: tuple[str, ...] = ("BTC", "BCH")

    def prices(self, base_url: str | None = None) -> Prices:
        """See PriceSource. One coin that cannot be had does not cost the other."""
        url = f"{(base_url or settings.COINBASE_BASE_URL).rstrip('/')}/v2/exchange-rates"
        found: dict[Pair, float] = {}
        age_s, failure = 0.0, None
        for coin in self.coins:
            try:
                answer = ask(COINBASE, url, read_prices, params={"currency": coin})
            except HttpError as error:
                failure = error
                continue
            found |= {pair: price for pair, price in answer.value.items() if pair[0] == coin}
            age_s = max(age_s, answer.age_s)
            failure = answer.cause or failure
        if failure and not found:
            raise failure
        return Prices(found, age_s, failure.reason if failure else "")


price_sources.register(Coinbase.name, Coinbase())
