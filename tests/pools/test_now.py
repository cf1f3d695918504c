"""What pools and prices are now: asked side by side through the door, and an answer kept is no question."""

import contextlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from hmm.door.books import books
from pools.checks import check_pools
from pools.coin_fetch import fetch_coin_prices, fetch_network
from pools.models import Pool
from pools.now import address_of, ask_now
from tests.miners.drivers.servers import closed_port
from tests.pools.servers import web_pool

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
GECKO, STATS = "/api/v3/simple/price", "/api/stats"
CHANGES, TIP = "/api/v1/mining/difficulty-adjustments/3m", "/api/blocks/tip/height"
NETWORK = {CHANGES: [[1_777_000_000, 945_000, 1.4e14, 1.0]], TIP: b"945123"}
PRICES = {"bitcoin": {"gbp": 80_000}}


@contextlib.contextmanager
def outside(settings, replies):
    with web_pool(replies) as server:
        settings.COINGECKO_BASE_URL = settings.MEMPOOL_BASE_URL = settings.COINBASE_BASE_URL = (
            f"http://127.0.0.1:{server.port}"
        )
        yield server


def solo(server, name="solo") -> Pool:
    return Pool.objects.create(name=name, client="solopool", url=f"http://127.0.0.1:{server.port}")


def test_a_second_look_is_answered_from_the_cache(settings):
    with outside(settings, {GECKO: PRICES, STATS: {"hashrate": 5e15}, **NETWORK}) as server:
        pool = solo(server)
        for _ in range(10):
            found = ask_now([pool], NOW)
        host = f"127.0.0.1:{server.port}"
    assert found.pools[0].report.pool_hashrate_ghs == 5e6
    assert (found.prices.source, found.prices.prices.found["BTC", "GBP"]) == ("coingecko", 80_000)
    assert (found.network.point.height, found.network.point.difficulty) == (945_123, 1.4e14)
    assert len(server.asked) == 4
    for source, questions in (("solopool", 1), ("coingecko", 1), ("mempool", 2)):
        counts = books().counts[source, host]
        assert (counts["hits"], counts["misses"], counts["errors"]) == (9 * questions, questions, 0)


def test_what_jobs_ask_to_store_it_says_nothing_of_the_cache(settings):
    with outside(settings, {GECKO: PRICES, STATS: {"hashrate": 5e15}, **NETWORK}) as server:
        pool, host = solo(server), f"127.0.0.1:{server.port}"
        check_pools([pool], NOW)
        fetch_coin_prices(NOW, only="coingecko")
        fetch_network(NOW)
        asked = len(server.asked)
        ask_now([pool], NOW)
        check_pools([pool], NOW + timedelta(minutes=2))
    assert len(server.asked) == asked == 4  # all that was fetched serves who looks, and the other way round
    for source, questions in (("solopool", 1), ("coingecko", 1), ("mempool", 2)):
        counts = books().counts[source, host]
        assert (counts["uncached"], counts["hits"], counts["misses"]) == (questions, questions, 0)


def test_one_that_is_away_is_named_and_costs_the_others_nothing(settings):
    with outside(settings, {STATS: {"hashrate": 5e15}}) as server:
        away = Pool.objects.create(name="away", client="solopool", url=f"http://127.0.0.1:{closed_port()}")
        found = ask_now([away, solo(server)], NOW)
        again = ask_now([away], NOW).pools[0].error
    assert (found.pools[0].report, found.pools[0].error) == (None, "connection refused")
    assert re.fullmatch(r"connection refused \(asked \d+ s ago\)", again)
    assert found.pools[1].report.pool_hashrate_ghs == 5e6
    assert found.prices.prices is None
    assert "coingecko: answers HTTP 404" in found.prices.error
    assert (found.network.point, found.network.error) == (None, "answers HTTP 404 (Not Found)")


def test_a_pool_with_a_stratum_address_alone_is_not_asked(settings):
    with outside(settings, {GECKO: PRICES}):
        stratum = Pool.objects.create(name="s", client="stratum", stratum_url="stratum+tcp://127.0.0.1:1")
        unknown = Pool.objects.create(name="u", client="no such client")
        assert (address_of(stratum), address_of(unknown)) == ("", "")
        assert ask_now([stratum, unknown], NOW).pools == []
        unknown.url = "http://127.0.0.1:1"
        (told,) = ask_now([unknown], NOW).pools
        assert (told.report, told.error) == (None, "no pool client is called 'no such client'")
