"""What coins cost and how hard a block was before anybody asked: fetched once, for figures of that time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hmm.door import to_store
from hmm.lib.http import HttpError
from pools.coin_history import store_network, store_past_prices
from pools.coins import price_sources
from pools.coins.base import COINS, CURRENCIES, Pair, PriceSource
from pools.network import past_points

EVERY_PAIR = tuple((coin, currency) for coin in COINS for currency in CURRENCIES)


@dataclass(frozen=True, slots=True)
class PastFetched:
    """What came of asking for a coin's past: from whom, how many prices were told and were new, what went wrong."""

    pair: Pair
    start: datetime
    end: datetime
    source: str
    told: int
    stored: int
    errors: tuple[str, ...]


def fetch_past_prices(
    start: datetime,
    end: datetime,
    only: str | None = None,
    base_url: str | None = None,
    pairs: Sequence[Pair] = EVERY_PAIR,
) -> Iterator[PastFetched]:
    """Fetch and store what these coins cost in [start, end): yield what came of each coin, currency and stretch.

    The first source that knows the coin is asked, and for a stretch of which it tells nothing the next one. One price an
    hour or so; where prices are known already nothing changes. `only` asks one source, at `base_url` where given.
    """
    for pair in pairs:
        tellers = [
            each
            for each in sorted(price_sources, key=lambda each: each.rank)
            if each.past_days and pair[0] in each.coins and only in (None, each.name)
        ]
        if tellers:
            for low, high in stretches(start, end, tellers[0].past_days):
                yield _fetch(pair, low, high, tellers, base_url)


def stretches(start: datetime, end: datetime, most_days: int) -> list[tuple[datetime, datetime]]:
    """Cut [start, end) into stretches of at most so many days."""
    length = timedelta(days=most_days)
    count = -(-(end - start) // length)
    return [(start + n * length, min(start + (n + 1) * length, end)) for n in range(count)]


def fetch_past_network(start: datetime, end: datetime, now: datetime) -> int:
    """Fetch and store the difficulties of [start, end); return how many are new. Raises HttpError."""
    with to_store():
        found = past_points(start, now)
    return store_network([point for point in found if point.since is not None and point.since < end], now)


def _fetch(
    pair: Pair, start: datetime, end: datetime, tellers: list[PriceSource], base_url: str | None
) -> PastFetched:
    errors: list[str] = []
    for source in tellers:
        try:
            with to_store():
                told = source.past(pair, start, end, base_url)
        except HttpError as error:
            errors.append(f"{source.name}: {error.reason}")
            continue
        if told:
            stored = store_past_prices(pair, told, source.name)
            return PastFetched(pair, start, end, source.name, len(told), stored, tuple(errors))
        errors.append(f"{source.name}: no price of that time")
    return PastFetched(pair, start, end, "", 0, 0, tuple(errors))
