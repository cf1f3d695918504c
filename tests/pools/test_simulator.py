"""The simulated services: their answers are read by the clients of the real ones."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.http import get
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account
from pools.coins import coingecko, price_sources
from pools.models import Pool
from pools.network import from_mempool
from pools.simulator.demo import add_simulated_pools
from pools.simulator.server import OutsideServer
from pools.simulator.service import answer, price

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def server():
    with OutsideServer(("127.0.0.1", 0), clock=lambda: NOW) as outside:
        thread = threading.Thread(target=outside.serve_forever, args=(0.05,))
        thread.start()
        yield outside
        outside.shutdown()
        thread.join()


@pytest.mark.django_db
def test_every_price_is_read_from_coingecko_and_bitcoins_from_mempool(server):
    told = price_sources["coingecko"].prices(server.url)
    assert len(told.found) == 9
    assert told.found["BTC", "GBP"] == price("bitcoin", "gbp", NOW)
    assert set(price_sources["mempool"].prices(server.url).found) == {
        ("BTC", "GBP"),
        ("BTC", "EUR"),
        ("BTC", "USD"),
    }


@pytest.mark.django_db
def test_difficulties_are_two_weeks_apart_up_to_now(server):
    *changes, latest = from_mempool(server.url, NOW)
    assert all(b.since - a.since == timedelta(days=14) for a, b in pairwise(changes))
    assert NOW - timedelta(days=14) < changes[-1].since <= NOW
    assert (latest.since, latest.difficulty) == (None, changes[-1].difficulty)


@pytest.mark.django_db
def test_the_past_is_an_hour_apart_and_a_year_long(server):
    start = NOW - timedelta(days=2)
    past = coingecko.CoinGecko().past(("BTC", "EUR"), start, NOW, server.url)
    assert [b - a for (a, _), (b, _) in pairwise(past)] == [timedelta(hours=1)] * 46
    assert past[0] == (start + timedelta(hours=1), price("bitcoin", "eur", start + timedelta(hours=1)))
    early = int((NOW - timedelta(days=366)).timestamp())
    query = f"vs_currency=gbp&from={early}&to={early + 3600}"
    assert answer("/api/v3/coins/bitcoin/market_chart/range", query, NOW)[0] == 401


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["ckpool", "solopool"])
def test_both_pools_are_read_whole(server, name):
    report = clients[name].report(server.url, Account("bc1q.rig"), Deadline.after(30), use_cache=False)
    assert report.warnings == ()
    assert report.workers == 14
    assert 160_000 < report.hashrate_ghs < 172_000
    assert report.pool_hashrate_ghs == pytest.approx(4.2e8)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_prices_wander_within_some_per_cent(moment):
    assert 0.95 < price("bitcoin", "gbp", moment.replace(tzinfo=UTC)) / 81_000 < 1.05


def test_anything_else_is_not_found(server):
    assert answer("/", "", NOW)[0] == 404
    assert answer("/api/v3/coins/dogecoin/market_chart/range", "", NOW)[0] == 404
    assert answer("/api/v3/simple/price", "ids=dogecoin&vs_currencies=xyz", NOW) == (200, "{}")
    assert get(f"{server.url}/api/blocks/tip/height", timeout_s=30).body.isdigit()


@pytest.mark.django_db
def test_the_pools_follow_the_services_to_another_port():
    first = add_simulated_pools("http://127.0.0.1:1")
    Pool.objects.filter(pk=first[0].pk).update(user="mine")
    again = add_simulated_pools("http://127.0.0.1:2")
    assert [pool.pk for pool in again] == [pool.pk for pool in first]
    assert set(Pool.objects.values_list("url", flat=True)) == {"http://127.0.0.1:2"}
    assert Pool.objects.get(pk=first[0].pk).user == "mine"
