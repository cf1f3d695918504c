"""Coinbase's exchange rates: one question a coin, prices as texts. It does not trade DigiByte."""

from collections.abc import Mapping

from django.conf import settings

from hmm.door import Answer, Source, ask
from hmm.lib.http import BadAnswer, HttpError, Reply
from pools.coins import price_sources
from pools.coins.base import CURRENCIES, OnlyNow, Pair, Prices, note_missing, some_prices

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
        told: dict[str, Answer[dict[Pair, float]]] = {}
        failure: HttpError | None = None
        for coin in self.coins:
            try:
                told[coin] = ask(COINBASE, url, read_prices, params={"currency": coin})
            except HttpError as error:
                failure = error
        if failure and not told:
            raise failure
        for coin, answer in told.items():
            if not answer.is_stale:
                note_missing(COINBASE, url, answer.value, [(coin, currency) for currency in CURRENCIES])
        return _together(told)


def _together(told: Mapping[str, Answer[dict[Pair, float]]]) -> Prices:
    """Return what the answers by coin say: the new ones alone where there is one, else those that stand in. Pure."""
    new = {coin: answer for coin, answer in told.items() if not answer.is_stale}
    chosen = new or told
    return Prices(
        {
            pair: price
            for coin, answer in chosen.items()
            for pair, price in answer.value.items()
            if pair[0] == coin
        },
        max((answer.age_s for answer in chosen.values()), default=0.0),
        next((answer.error for answer in chosen.values() if answer.error), ""),
    )


price_sources.register(Coinbase.name, Coinbase())
