"""The history of prices and of the network: storing it, and what a hash was worth in a stretch of time.

A price holds until the next one, a day and an hour at most: the earnings of an hour for which nobody knows the price
are not known. A difficulty holds until the next one, four weeks at most; it changes each two weeks or so.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from hmm.dirty import mark_coin_dirty
from hmm.installation import installation
from hmm.lib.locks import lock
from pools.coins.base import Pair, Past
from pools.models import CoinPrice, NetworkState
from pools.network import NetworkPoint

VALUED_IN = "BTC"
PRICE_LASTS = timedelta(hours=25)
DIFFICULTY_LASTS = timedelta(days=28)
HASHES_PER_DIFFICULTY = 2**32
HASHES_PER_GH = 1e9
SAME_ANSWER = timedelta(seconds=2)
"""Prices of one coin so close are the same answer, told again from the cache."""

KNOWN_NEARBY = timedelta(minutes=30)
"""The past is told an hour apart, not to the second: what is known so near needs no other price."""

LOCK = "coin history"


@dataclass(frozen=True, slots=True)
class Worth:
    """What a thousand million hashes could expect, and what a bitcoin cost in pence (cents); None: not known."""

    btc_per_gh: float | None
    pence_per_btc: float | None


@dataclass(frozen=True, slots=True)
class CoinHistory:
    """Difficulties with subsidies, and prices in the installation's currency, each in order of time."""

    network: Sequence[tuple[datetime, float, float]] = ()
    prices: Sequence[tuple[datetime, float]] = ()

    def worth(self, start: datetime, end: datetime) -> Worth:
        """Return what work in [start, end) was worth: by what was last known before its end.

        Expected coins of one hash: subsidy / (difficulty × 2^32). Fees are left out.
        """
        at = bisect_left(self.network, end, key=lambda row: row[0]) - 1
        known = at >= 0 and self.network[at][0] > start - DIFFICULTY_LASTS
        _, difficulty, subsidy = self.network[at] if known else (end, 0.0, 0.0)
        btc_per_gh = subsidy * HASHES_PER_GH / (difficulty * HASHES_PER_DIFFICULTY) if known else None
        at = bisect_left(self.prices, end, key=lambda row: row[0]) - 1
        priced = at >= 0 and self.prices[at][0] > start - PRICE_LASTS
        return Worth(btc_per_gh, self.prices[at][1] * 100 if priced else None)


READ = f"""
SELECT timestamp, difficulty, subsidy, NULL::float8 AS price FROM {NetworkState._meta.db_table}
WHERE coin = %(coin)s AND timestamp > %(difficulties_from)s AND timestamp < %(end)s
UNION ALL
SELECT timestamp, NULL, NULL, price FROM {CoinPrice._meta.db_table}
WHERE coin = %(coin)s AND currency = %(currency)s AND timestamp > %(prices_from)s AND timestamp < %(end)s
ORDER BY timestamp
"""


def read_history(start: datetime, end: datetime) -> CoinHistory:
    """Return the history that work in [start, end) needs. One query."""
    params: dict[str, Any] = {
        "coin": VALUED_IN,
        "currency": installation().currency,
        "difficulties_from": start - DIFFICULTY_LASTS,
        "prices_from": start - PRICE_LASTS,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(READ, params)
        found = cursor.fetchall()
    return CoinHistory(
        [(at, difficulty, subsidy) for at, difficulty, subsidy, price in found if price is None],
        [(at, price) for at, _, _, price in found if price is not None],
    )


def store_prices(found: Mapping[Pair, float], source: str, at: datetime) -> int:
    """Store what coins cost at a moment, and have what that changes computed; return how many prices are new."""
    rows = [
        CoinPrice(coin=coin, currency=currency, timestamp=at, price=price, source=source)
        for (coin, currency), price in sorted(found.items())
    ]
    with transaction.atomic():
        lock(LOCK)
        same = CoinPrice.objects.filter(timestamp__range=(at - SAME_ANSWER, at + SAME_ANSWER))
        known = set(same.values_list("coin", "currency"))
        fresh = [row for row in rows if (row.coin, row.currency) not in known]
        CoinPrice.objects.bulk_create(fresh)
        if any((row.coin, row.currency) == (VALUED_IN, installation().currency) for row in fresh):
            following = CoinPrice.objects.filter(
                coin=VALUED_IN, currency=installation().currency, timestamp__gt=at
            ).order_by("timestamp")
            _mark(at, following.values_list("timestamp", flat=True).first(), PRICE_LASTS)
    return len(fresh)


def store_past_prices(pair: Pair, found: Past, source: str) -> int:
    """Store what a coin cost in the past where nothing near is known; return how many prices are new.

    What was known at the time stays: figures that were computed by it do not change.
    """
    if not found:
        return 0
    coin, currency = pair
    with transaction.atomic():
        lock(LOCK)
        prices = CoinPrice.objects.filter(coin=coin, currency=currency)
        around = (found[0][0] - KNOWN_NEARBY, found[-1][0] + KNOWN_NEARBY)
        known = sorted(prices.filter(timestamp__range=around).values_list("timestamp", flat=True))
        fresh = [(at, price) for at, price in found if not _is_near(at, known)]
        CoinPrice.objects.bulk_create(
            CoinPrice(coin=coin, currency=currency, timestamp=at, price=price, source=source)
            for at, price in fresh
        )
        if fresh and pair == (VALUED_IN, installation().currency):
            following = prices.filter(timestamp__gt=fresh[-1][0]).order_by("timestamp")
            until = following.values_list("timestamp", flat=True).first() or fresh[-1][0] + PRICE_LASTS
            mark_coin_dirty(fresh[0][0], min(until, fresh[-1][0] + PRICE_LASTS) + timedelta(microseconds=1))
    return len(fresh)


def _is_near(at: datetime, known: Sequence[datetime]) -> bool:
    """Return whether one of `known`, in order, is near `at`."""
    following = bisect_left(known, at - KNOWN_NEARBY)
    return following < len(known) and known[following] <= at + KNOWN_NEARBY


def store_network(points: Iterable[NetworkPoint], now: datetime) -> int:
    """Store what the network was and is, and have what that changes computed; return how many rows are new.

    What is now is stored where it differs from what was last known, or where that is about to be forgotten.
    """
    stored = 0
    with transaction.atomic():
        lock(LOCK)
        for point in points:
            if point.since is not None:
                stored += _store_state(point, point.since)
            elif _is_news(point, now):
                stored += _store_state(point, now.replace(microsecond=0))
    return stored


def _is_news(point: NetworkPoint, now: datetime) -> bool:
    last = NetworkState.objects.filter(coin=VALUED_IN, timestamp__lte=now).order_by("-timestamp").first()
    if last is None or last.timestamp < now - DIFFICULTY_LASTS / 2:
        return True
    return (last.difficulty, last.subsidy) != (point.difficulty, point.subsidy_btc)


def _store_state(point: NetworkPoint, since: datetime) -> int:
    states = NetworkState.objects.filter(coin=VALUED_IN)
    _, is_new = states.get_or_create(
        coin=VALUED_IN,
        timestamp=since,
        defaults={"difficulty": point.difficulty, "subsidy": point.subsidy_btc, "height": point.height},
    )
    if is_new:
        following = states.filter(timestamp__gt=since).order_by("timestamp")
        _mark(since, following.values_list("timestamp", flat=True).first(), DIFFICULTY_LASTS)
    return int(is_new)


def _mark(since: datetime, until: datetime | None, lasts: timedelta) -> None:
    # It holds in the slot in which it became known too: what begins in a slot marks all of it.
    mark_coin_dirty(since, min(until or since + lasts, since + lasts) + timedelta(microseconds=1))
