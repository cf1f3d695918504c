"""What pools and prices are at this moment, for who looks: asked through the door, whose answers are mostly kept ones."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from django.db import connections

from hmm.door import no_longer_than
from hmm.lib.http import HttpError
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport
from pools.coins import price_sources
from pools.coins.base import Prices
from pools.models import Pool
from pools.network import NetworkPoint, network_points

T = TypeVar("T")
AT_ONCE = 16
LIMIT_S = 4.0
"""A page waits no longer than this; an older answer stands in."""


@dataclass(frozen=True, slots=True)
class PoolNow:
    """A pool, and what it says or why it says nothing."""

    pool: Pool
    report: PoolReport | None
    error: str


@dataclass(frozen=True, slots=True)
class PricesNow:
    """What coins cost, and who says so; without prices, why."""

    source: str
    prices: Prices | None
    error: str


@dataclass(frozen=True, slots=True)
class NetworkNow:
    """What the network is; without a point, why that is not known."""

    point: NetworkPoint | None
    error: str


@dataclass(frozen=True, slots=True)
class Now:
    """What everybody outside says."""

    pools: list[PoolNow]
    prices: PricesNow
    network: NetworkNow


def ask_now(pools: Sequence[Pool], now: datetime, limit_s: float = LIMIT_S) -> Now:
    """Return what each of these pools with a web address, a source of prices and the network say, asked side by side."""
    asked = [pool for pool in pools if address_of(pool)]
    with ThreadPoolExecutor(min(AT_ONCE, len(asked) + 2)) as threads:
        prices = threads.submit(_in_thread, prices_now, limit_s)
        network = threads.submit(_in_thread, partial(network_now, now), limit_s)
        told = [threads.submit(_in_thread, partial(pool_now, pool, limit_s), limit_s) for pool in asked]
        return Now([each.result() for each in told], prices.result(), network.result())


def address_of(pool: Pool) -> str:
    """Return the web address at which a pool is asked; empty where it has none."""
    return pool.url or (clients[pool.client].base_url if pool.client in clients else "")


def pool_now(pool: Pool, limit_s: float) -> PoolNow:
    """Return what a pool says, within `limit_s`."""
    if pool.client not in clients:
        return PoolNow(pool, None, f"no pool client is called {pool.client!r}")
    account = Account(pool.user, pool.token)
    try:
        report = clients[pool.client].report(
            address_of(pool), account, Deadline.after(limit_s), use_cache=True
        )
    except PoolError as error:
        return PoolNow(pool, None, error.reason)
    return PoolNow(pool, report, report.stale)


def prices_now() -> PricesNow:
    """Return what the first source of prices that can be had says; it is not stored: that is the job's."""
    reasons = []
    for source in sorted(price_sources, key=lambda each: each.rank):
        try:
            prices = source.prices()
        except HttpError as error:
            reasons.append(f"{source.name}: {error.reason}")
            continue
        return PricesNow(source.name, prices, prices.error)
    return PricesNow("", None, "; ".join(reasons))


def network_now(now: datetime) -> NetworkNow:
    """Return what the network is at this moment."""
    try:
        return NetworkNow(network_points(now)[-1], "")
    except HttpError as error:
        return NetworkNow(None, error.reason)


def _in_thread(work: Callable[[], T], limit_s: float) -> T:
    try:
        with no_longer_than(limit_s):
            return work()
    finally:
        connections.close_all()  # of this thread, which ends
