"""Prices of coins and the network's difficulty: read right, refused else, kept as history, one source after the other."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import strategies as st

from hmm.door.books import books
from hmm.lib.http import BadAnswer, HttpError, Reply
from hmm.models import DirtyRange
from pools import network
from pools.coin_fetch import fetch_coin_prices, fetch_network
from pools.coin_history import CoinHistory, store_network
from pools.coins import coinbase, coingecko, mempool
from pools.coins.base import price_of
from pools.models import CoinPrice, NetworkState
from pools.network import NetworkPoint, network_points, read_chaininfo, read_changes, read_height, subsidy_btc
from pools.tasks import fetch_coins
from tests.miners.drivers.servers import closed_port
from tests.pools.servers import web_pool

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
GECKO, RATES, PRICES = "/api/v3/simple/price", "/v2/exchange-rates", "/api/v1/prices"
CHANGES, TIP = "/api/v1/mining/difficulty-adjustments/3m", "/api/blocks/tip/height"
ALL = {
    "digibyte": {"usd": 0.0123, "gbp": 0.0097, "eur": 0.0113},
    "bitcoin": {"usd": 100000, "gbp": 80000, "eur": 92000.5},
    "bitcoin-cash": {"usd": 400.5, "gbp": 320, "eur": 370},
}


def reply(told) -> Reply:
    return Reply(told if isinstance(told, bytes) else json.dumps(told).encode(), "")


@pytest.fixture
def outside(settings, monkeypatch):
    """Serve these paths as every source of prices and of difficulty, which here may be asked without a pause."""
    assert (coingecko.COINGECKO.pace_s, coinbase.COINBASE.pace_s, mempool.MEMPOOL.pace_s) == (6, 6, 5)
    assert coingecko.COINGECKO.fresh_s == 300
    monkeypatch.setattr(coingecko, "COINGECKO", replace(coingecko.COINGECKO, pace_s=0))
    monkeypatch.setattr(coinbase, "COINBASE", replace(coinbase.COINBASE, pace_s=0))
    for module in (mempool, network):
        monkeypatch.setattr(module, "MEMPOOL", replace(mempool.MEMPOOL, pace_s=0))

    @contextlib.contextmanager
    def serve(replies: dict):
        with web_pool(replies) as server:
            url = f"http://127.0.0.1:{server.port}"
            settings.COINGECKO_BASE_URL = settings.COINBASE_BASE_URL = settings.MEMPOOL_BASE_URL = url
            yield server

    return serve


@pytest.mark.django_db
class TestPrices:
    def test_coingecko_tells_all(self, outside):
        with outside({GECKO: ALL}) as server:
            fetched = fetch_coin_prices(NOW)
        assert fetched.stored == 9
        assert fetched.errors == ()
        assert fetched.prices["BTC", "GBP"] == ("coingecko", 80000)
        assert server.asked == [
            "/api/v3/simple/price?ids=bitcoin%2Cbitcoin-cash%2Cdigibyte&vs_currencies=gbp%2Ceur%2Cusd"
        ]
        stored = CoinPrice.objects.get(coin="DGB", currency="USD")
        assert (stored.price, stored.source) == (0.0123, "coingecko")
        assert NOW - timedelta(seconds=30) < stored.timestamp <= NOW
        assert [d.kind for d in DirtyRange.objects.all()] == ["coin"]

    def test_the_same_answer_is_stored_once(self, outside):
        with outside({GECKO: ALL}) as server:
            fetch_coin_prices(NOW)
            again = fetch_coin_prices(NOW)
        assert len(server.asked) == 1
        assert (again.stored, again.prices["BTC", "GBP"]) == (0, ("coingecko", 80000))

    def test_what_is_missing_comes_from_the_next_source(self, outside):
        told = {"bitcoin": {"usd": 100000}, "bitcoin-cash": {"gbp": "320"}}
        rates = {"data": {"currency": "BCH", "rates": {"GBP": "321.5", "EUR": "371.25", "USD": "n/a"}}}
        with outside(
            {GECKO: told, PRICES: {"time": 1, "GBP": 79000, "EUR": -1, "USD": 9}, RATES: rates}
        ) as server:
            fetched = fetch_coin_prices(NOW)
        assert fetched.prices == {
            ("BTC", "USD"): ("coingecko", 100000.0),
            ("BCH", "GBP"): ("coingecko", 320.0),
            ("BTC", "GBP"): ("mempool", 79000.0),
            ("BCH", "EUR"): ("coinbase", 371.25),
        }
        last = books().last_errors["coingecko", f"127.0.0.1:{server.port}"]
        assert last.startswith("no price of BTC in GBP, BTC in EUR, BCH in EUR")
        assert "DGB in USD" in last

    def test_a_coin_that_coinbase_fails_at_does_not_cost_the_other(self, outside):
        """It tells but one of the two that it is asked for, and not in each currency."""
        rates = {"data": {"currency": "BTC", "rates": {"GBP": "80000.5", "EUR": None}}}
        with outside({GECKO: 500, PRICES: b"<html>", RATES: rates}) as server:
            fetched = fetch_coin_prices(NOW)
        assert fetched.prices == {("BTC", "GBP"): ("coinbase", 80000.5)}
        assert "no price of" in books().last_errors["coinbase", f"127.0.0.1:{server.port}"]

    @pytest.mark.parametrize(
        "bad",
        [
            429,
            500,
            b"<html>",
            b"",
            b"null",
            {},
            {"bitcoin": {"gbp": None}},
            {"status": {"error_code": 429, "error_message": "slow down"}},
        ],
    )
    def test_a_source_that_fails_is_named_and_the_next_one_asked(self, outside, bad):
        with outside({GECKO: bad, PRICES: {"GBP": 79000}}):
            fetched = fetch_coin_prices(NOW)
        assert fetched.prices == {("BTC", "GBP"): ("mempool", 79000.0)}
        assert fetched.errors[0].startswith("coingecko: ")

    def test_an_older_answer_is_no_new_price(self, outside, settings, monkeypatch):
        monkeypatch.setattr(
            coingecko, "COINGECKO", replace(coingecko.COINGECKO, name="old gecko", fresh_s=0, pace_s=0)
        )
        replies = {GECKO: ALL}
        with outside(replies) as server:
            fetch_coin_prices(NOW)
            url = f"http://127.0.0.1:{server.port}"
        settings.COINGECKO_BASE_URL = url  # nobody is there any more
        fetched = fetch_coin_prices(NOW + timedelta(minutes=10))
        assert fetched.prices == {}
        assert "coingecko: connection refused" in fetched.errors
        assert CoinPrice.objects.filter(coin="BTC", currency="GBP").count() == 1

    def test_nobody_there_is_an_error_and_no_price(self, settings, outside):
        url = f"http://127.0.0.1:{closed_port()}"
        settings.COINGECKO_BASE_URL = settings.COINBASE_BASE_URL = settings.MEMPOOL_BASE_URL = url
        fetched = fetch_coin_prices(NOW, only="coingecko")
        assert (fetched.prices, fetched.stored) == ({}, 0)
        assert not CoinPrice.objects.exists()


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (1, 1.0), ("37528.5", 37528.5), (0.0097, 0.0097), (0, None), (-1, None), (None, None), (True, None),
        ("", None), ("1,000", None), ("NaN", None), (1e12, None), ([1], None), ({}, None),
    ],
)  # fmt: skip
def test_prices_are_positive_numbers(value, price):
    assert price_of(value) == price


@pytest.mark.parametrize("read", [coingecko.read_prices, mempool.read_prices, coinbase.read_prices])
@given(
    told=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["bitcoin", "gbp", "GBP", "data", "rates", "currency", "status"]), x
            )
        ),
    )
)
def test_any_json_is_prices_or_a_bad_answer(read, told):
    try:
        found = read(reply(told))
    except BadAnswer:
        return
    assert all(0 < price < 1e9 for price in found.values())


ROWS = [[1748000000, 899136, 2.0e14, 1.02], [1746000000, 897120, 1.9e14, 0.99]]


@pytest.mark.django_db
class TestNetwork:
    def test_changes_and_what_is_now_are_stored(self, outside):
        with outside({CHANGES: ROWS, TIP: b"900001"}):
            assert fetch_network(NOW) == 2
        states = list(
            NetworkState.objects.order_by("timestamp").values_list("difficulty", "subsidy", "height")
        )
        assert states == [(1.9e14, 3.125, 897120), (2.0e14, 3.125, 899136)]
        assert DirtyRange.objects.count() == 2

    def test_the_same_again_is_nothing_new(self, outside):
        with outside({CHANGES: ROWS, TIP: b"900001"}):
            fetch_network(NOW)
            assert fetch_network(NOW + timedelta(minutes=10)) == 0

    def test_a_halving_between_changes_is_stored_when_it_is_seen(self):
        store_network([NetworkPoint(NOW - timedelta(days=2), 1_049_900, 2e14)], NOW)
        assert store_network([NetworkPoint(None, 1_049_999, 2e14)], NOW) == 0
        assert store_network([NetworkPoint(None, 1_050_000, 2e14)], NOW) == 1
        assert NetworkState.objects.latest("timestamp").subsidy == 1.5625

    def test_what_stays_the_same_is_said_again_before_it_is_forgotten(self):
        point = NetworkPoint(None, 900_000, 2e14)
        assert [store_network([point], NOW + timedelta(days=days)) for days in (0, 10, 15, 20)] == [
            1,
            0,
            1,
            0,
        ]

    def test_a_node_of_ones_own_is_asked_in_mempools_place(self, settings):
        info = {"chain": "main", "blocks": 900001, "difficulty": 2.1e14, "initialblockdownload": False}
        with web_pool({"/rest/chaininfo.json": info}) as node:
            settings.BITCOIN_NODE_URL = f"http://127.0.0.1:{node.port}/"
            assert network_points(NOW) == [NetworkPoint(None, 900001, 2.1e14)]

    @pytest.mark.parametrize(
        "replies",
        [
            {CHANGES: 429},
            {CHANGES: []},
            {CHANGES: ROWS},
            {CHANGES: ROWS, TIP: b"<html>"},
            {CHANGES: [*ROWS, [1, 2]], TIP: b"9"},
        ],
    )
    def test_bad_data_stores_nothing(self, outside, replies):
        with outside(replies), pytest.raises(HttpError):
            fetch_network(NOW)
        assert not NetworkState.objects.exists()


@pytest.mark.parametrize(
    "row",
    [
        [1748000000, 899136], [1748000000, 899136, 1.02], "x", None, [1748000000, "899136", 2e14, 1], [1748000000, 899136, "2e14", 1],
        [1748000000, 899136, 0, 1], [1748000000, 899136, None, 1], [1748000000000, 899136, 2e14, 1], [True, 899136, 2e14, 1],
        [1748000000, -1, 2e14, 1], [1748000000, 899136, 1e30, 1], [1748000000, 899136, 10**400, 1],
    ],
)  # fmt: skip
def test_a_change_that_is_not_whole_is_refused(row):
    with pytest.raises(BadAnswer):
        read_changes(reply([row]), NOW)


@pytest.mark.parametrize("row", [[1748000000, 0, 2e14, 1.0], [1748000000, 899136, 1.02, 2e14]])
def test_a_change_that_cannot_follow_on_the_one_before_is_refused(row):
    with pytest.raises(BadAnswer, match="cannot follow"):
        read_changes(reply([row, ROWS[1]]), NOW)


@pytest.mark.parametrize(
    "text", [b"", b"-1", b"9e5", b"900001.0", b"{}", b"99999999999999999999999", "９".encode()]
)
def test_a_height_is_digits_alone(text):
    with pytest.raises(BadAnswer):
        read_height(Reply(text, ""))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain": "test"}, "not main"),
        ({"initialblockdownload": True}, "catching up"),
        ({"blocks": 0, "difficulty": 1}, "catching up: it is at block 0"),
        ({"headers": 901_000}, "catching up: it is at block 900001"),
        ({"difficulty": None}, "a difficulty of"),
        ({"difficulty": 10**400}, "a difficulty of"),
        ({"blocks": "9"}, "a height of"),
    ],
)
def test_a_node_that_cannot_know_is_refused(changes, reason):
    info = {"chain": "main", "blocks": 900001, "difficulty": 2.1e14} | changes
    with pytest.raises(BadAnswer, match=reason):
        read_chaininfo(reply(info))


@pytest.mark.parametrize(
    ("height", "coins"),
    [
        (0, 50),
        (209_999, 50),
        (210_000, 25),
        (840_000, 3.125),
        (1_050_000, 1.5625),
        (6_930_000, 0),
        (10_000_000, 0),
    ],
)
def test_subsidies(height, coins):
    assert subsidy_btc(height) == coins


class TestWorth:
    history = CoinHistory([(NOW, 2.0**32, 3.125)], [(NOW, 80_000.0), (NOW + timedelta(hours=1), 60_000.0)])
    half_hour = timedelta(minutes=30)

    def at(self, moment: datetime):
        return self.history.worth(moment, moment + self.half_hour)

    def test_before_anything_is_known_nothing_is(self):
        found = self.at(NOW - self.half_hour)
        assert (found.btc_per_gh, found.pence_per_btc) == (None, None)

    def test_what_becomes_known_within_a_slot_holds_for_it(self):
        found = self.at(NOW - timedelta(minutes=29))
        assert found.btc_per_gh == 3.125 * 1e9 / 2.0**64
        assert found.pence_per_btc == 8_000_000

    def test_a_price_holds_until_the_next_and_not_for_ever(self):
        assert self.at(NOW + self.half_hour).pence_per_btc == 8_000_000
        assert self.at(NOW + timedelta(hours=1)).pence_per_btc == 6_000_000
        assert self.at(NOW + timedelta(hours=25, minutes=30)).pence_per_btc == 6_000_000
        assert self.at(NOW + timedelta(hours=26)).pence_per_btc is None

    def test_a_difficulty_holds_for_four_weeks(self):
        assert self.at(NOW + timedelta(days=27)).btc_per_gh is not None
        assert self.at(NOW + timedelta(days=28)).btc_per_gh is None


@pytest.mark.django_db
class TestCommandAndJob:
    def test_what_was_fetched_is_shown(self, outside, capsys):
        with outside({GECKO: ALL, CHANGES: ROWS, TIP: b"900001"}):
            call_command("fetch_coins")
        lines = capsys.readouterr().out.splitlines()
        assert "BTC 80,000 GBP (coingecko)" in lines
        assert lines[-1] == "network: 3 new"

    def test_one_source_can_be_asked_elsewhere(self, outside, capsys):
        with outside({PRICES: {"GBP": 79000}}) as server:
            call_command(
                "fetch_coins", "--source", "mempool", "--base-url", f"http://127.0.0.1:{server.port}"
            )
        assert capsys.readouterr().out == "BTC 79,000 GBP (mempool)\n"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (
                ["--source", "none"],
                "no source of coin prices is called 'none'; there are: coinbase, coingecko, mempool",
            ),
            (["--base-url", "http://x"], "name it with --source"),
            (["--source", "coingecko"], "coingecko: answers HTTP 404"),
        ],
    )
    def test_what_goes_wrong_is_one_line(self, outside, arguments, words):
        with outside({}), pytest.raises(CommandError, match=words) as caught:
            call_command("fetch_coins", *arguments)
        assert caught.value.returncode == 2

    def test_the_job_has_the_past_of_a_fresh_installation_computed(self, outside):
        with outside({GECKO: ALL, CHANGES: ROWS, TIP: b"900001"}):
            assert (
                fetch_coins() == 12
            )  # nine prices, two changes; what is now is news, as the last change is old
            assert [task.func() for task in OrmQ.objects.all()] == ["metrics.tasks.backfill"]
            assert fetch_coins() == 0

    def test_the_job_goes_on_without_the_network(self, outside):
        with outside({GECKO: ALL}):
            assert fetch_coins() == 9
