"""Fetching prices and the network's state: who is asked, and who for what is missing then."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from hmm.door import to_store
from hmm.lib.http import HttpError
from pools.coin_history import store_network, store_prices
from pools.coins import price_sources
from pools.coins.base import COINS, CURRENCIES, Pair
from pools.network import network_points

logger = logging.getLogger(__name__)

FETCH_EVERY_S = 600


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched: (source, price) by coin and currency, how many rows were new, and what went wrong."""

    prices: dict[Pair, tuple[str, float]]
    stored: int
    errors: tuple[str, ...]


def fetch_coin_prices(now: datetime, only: str | None = None, base_url: str | None = None) -> Fetched:
    """Fetch and store what coins cost: from the first source, and what it lacks from the next ones.

    An answer that only stands in is no new price, and is stored at the moment it is of. `only` asks one source,
    at `base_url` where given.
    """
    prices: dict[Pair, tuple[str, float]] = {}
    stored, errors = 0, []
    for source in sorted(price_sources, key=lambda each: each.rank):
        wanted = {(coin, currency) for coin in COINS for currency in CURRENCIES} - prices.keys()
        if (only and source.name != only) or not any(coin in source.coins for coin, _ in wanted):
            continue
        try:
            with to_store(FETCH_EVERY_S):
                told = source.prices(base_url)
        except HttpError as error:
            errors.append(f"{source.name}: {error.reason}")
            continue
        if (
            told.error
        ):  # an older answer: its prices are stored already, and another source may know newer ones
            errors.append(f"{source.name}: {told.error}")
            continue
        found = {pair: price for pair, price in told.found.items() if pair in wanted}
        at = (now - timedelta(seconds=told.age_s)).replace(microsecond=0)
        stored += store_prices(found, source.name, at)
        prices |= {pair: (source.name, price) for pair, price in found.items()}
    return Fetched(prices, stored, tuple(errors))


def fetch_network(now: datetime) -> int:
    """Fetch and store what the network is; return how many rows are new. Raises HttpError."""
    with to_store(FETCH_EVERY_S):
        points = network_points(now)
    return store_network(points, now)
