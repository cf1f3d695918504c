"""What coins cost in the past: read right or refused, stored where nothing is known, and computed anew."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.http import BadAnswer, Reply
from hmm.models import DirtyRange
from pools import network
from pools.coin_history import read_history, store_past_prices, store_prices
from pools.coin_past import fetch_past_network, fetch_past_prices, stretches
from pools.coins import coingecko, mempool
from pools.models import CoinPrice, NetworkState
from pools.network import past_points
from tests.pools.servers import web_pool

START = datetime(2025, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
HOUR = timedelta(hours=1)
BITCOIN = "/api/v3/coins/bitcoin/market_chart/range"
HISTORY = "/api/v1/historical-price"
ALL_CHANGES = "/api/v1/mining/difficulty-adjustments"
BTC_GBP = ("BTC", "GBP")


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def charted(hours: int, price: float = 60_000.0) -> dict:
    """Return what CoinGecko says of so many hours from START on, some seconds after each."""
    rows = [[ms(START + n * HOUR) + 7_123, price + n] for n in range(hours)]
    return {"prices": rows, "market_caps": [], "total_volumes": []}


def reply(told) -> Reply:
    return Reply(told if isinstance(told, bytes) else json.dumps(told).encode(), "")


@pytest.fixture
def outside(settings, monkeypatch):
    """Serve these paths as CoinGecko and mempool.space, which here may be asked without a pause."""
    monkeypatch.setattr(coingecko, "COINGECKO", replace(coingecko.COINGECKO, pace_s=0))
    monkeypatch.setattr(mempool, "MEMPOOL_PAST", replace(mempool.MEMPOOL_PAST, pace_s=0))
    monkeypatch.setattr(network, "MEMPOOL", replace(mempool.MEMPOOL, pace_s=0))

    @contextlib.contextmanager
    def serve(replies: dict):
        with web_pool(replies) as server:
            url = f"http://127.0.0.1:{server.port}"
            settings.COINGECKO_BASE_URL = settings.MEMPOOL_BASE_URL = url
            yield server

    return serve


def fetched(**options):
    """Return what came of each pair, the first stretch of each."""
    return {each.pair: each for each in fetch_past_prices(START, END, **options)}


@pytest.mark.django_db
class TestFetching:
    def test_a_day_of_hours_is_stored_and_its_figures_are_computed_anew(self, outside):
        with outside({BITCOIN: charted(24)}) as server:
            found = fetched()
        assert (found[BTC_GBP].source, found[BTC_GBP].told, found[BTC_GBP].stored) == ("coingecko", 24, 24)
        query = f"vs_currency=gbp&from={ms(START) // 1000}&to={ms(END) // 1000}"
        assert f"{BITCOIN}?{query}" in server.asked
        stored = CoinPrice.objects.filter(coin="BTC", currency="GBP").order_by("timestamp")
        first = START + timedelta(seconds=7)
        assert (stored[0].timestamp, stored[0].price, stored[0].source) == (first, 60_000.0, "coingecko")
        (dirty,) = DirtyRange.objects.all()
        assert (dirty.kind, dirty.start) == ("coin", first)
        assert dirty.end == first + 48 * HOUR + timedelta(microseconds=1)
        assert read_history(START, END).worth(START + 2 * HOUR, START + 3 * HOUR).pence_per_btc == 6_000_200

    def test_the_same_again_changes_nothing(self, outside):
        with outside({BITCOIN: charted(24)}):
            fetched()
            DirtyRange.objects.all().delete()
            assert fetched()[BTC_GBP].stored == 0
        assert not DirtyRange.objects.exists()

    def test_what_was_known_at_the_time_stays(self, outside):
        store_prices({BTC_GBP: 55_555.0}, "coinbase", START + 5 * HOUR + timedelta(minutes=20))
        with outside({BITCOIN: charted(24)}):
            assert fetched()[BTC_GBP].stored == 23
        known = read_history(START, END)
        assert known.worth(START + 5 * HOUR, START + 6 * HOUR).pence_per_btc == 5_555_500
        assert known.worth(START + 6 * HOUR, START + 7 * HOUR).pence_per_btc == 6_000_600

    def test_the_next_source_tells_what_the_first_one_does_not(self, outside):
        rows = [{"time": int((START + n * HOUR).timestamp()), "GBP": 61_000, "USD": 1} for n in range(24)]
        told = {"prices": [*rows, {"time": 1, "GBP": 5}, {"time": rows[3]["time"] + 60, "GBP": -1}]}
        with outside({BITCOIN: 401, HISTORY: told}):
            found = fetched()
        assert (found[BTC_GBP].source, found[BTC_GBP].told) == ("mempool", 24)
        assert found[BTC_GBP].errors == ("coingecko: answers HTTP 401 (Oh)",)
        assert (found["DGB", "USD"].told, found["DGB", "USD"].errors) == (
            0,
            ("coingecko: answers HTTP 404 (Not Found)",),
        )

    def test_an_answer_of_another_time_is_no_price(self, outside):
        later = charted(3)
        later["prices"] = [[at + ms(END), price] for at, price in later["prices"]]
        with outside({BITCOIN: later}):
            assert "coingecko: no price of that time" in fetched()[BTC_GBP].errors
        assert not CoinPrice.objects.exists()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"<html>",
        b'{"prices": [[1, NaN]]}',
        None,
        [],
        {"prices": None},
        {"prices": [[1]]},
        {"prices": [["1", 2]]},
        {"prices": [[True, 2]]},
        {"error": {"status": {"error_code": 10012}}},
    ],
)
def test_a_past_that_cannot_be_read_is_refused(bad):
    with pytest.raises(BadAnswer):
        coingecko.read_past(reply(bad), START, END)


@pytest.mark.parametrize("at_ms", [10**400, -(10**400), 1e300])
def test_a_time_beyond_every_calendar_is_left_out(at_ms):
    assert coingecko.read_past(reply({"prices": [[at_ms, 60_000.0]]}), START, END) == []


@pytest.mark.parametrize("price", [None, "x", "", True, 0, -3, 1e12, [], {}])
def test_a_price_that_is_none_is_left_out(price):
    at = ms(START + HOUR)
    assert coingecko.read_past(reply({"prices": [[at, price]]}), START, END) == []
    assert mempool.read_past(reply({"prices": [{"time": at // 1000, "GBP": price}]}), "GBP", START, END) == []


@pytest.mark.parametrize("bad", [b"<html>", None, {}, {"prices": {}}, {"prices": [7]}])
def test_a_history_of_mempool_that_cannot_be_read_is_refused(bad):
    with pytest.raises(BadAnswer):
        mempool.read_past(reply(bad), "GBP", START, END)


def test_a_price_written_as_text_is_one():
    told = {"prices": [[ms(START), "60000.5"]]}
    assert coingecko.read_past(reply(told), START, END) == [(START, 60_000.5)]


@given(days=st.integers(1, 2000), most=st.integers(1, 400), seconds=st.integers(1, 86_400))
def test_stretches_adjoin_and_none_is_too_long(days, most, seconds):
    end = START + timedelta(days=days - 1, seconds=seconds)
    found = stretches(START, end, most)
    assert (found[0][0], found[-1][1]) == (START, end)
    assert all(low < high <= low + timedelta(days=most) for low, high in found)
    assert all(a[1] == b[0] for a, b in pairwise(found))


@pytest.mark.django_db
def test_nothing_told_is_nothing_stored():
    assert store_past_prices(BTC_GBP, [], "x") == 0


@pytest.mark.django_db
class TestDifficulty:
    NOW = datetime(2025, 6, 1, tzinfo=UTC)

    @staticmethod
    def changes(*days: int) -> list:
        """Return a change of difficulty so many days after START each."""
        at = [int((START + timedelta(days=day)).timestamp()) for day in days]
        return [[second, 880_000 + n, 1e14 + n, 1.0] for n, second in enumerate(at)]

    def test_the_one_before_counts_too(self, outside):
        with outside({f"{ALL_CHANGES}/6m": self.changes(-20, -5, 9, 40)}) as server:
            assert fetch_past_network(START, START + timedelta(days=30), self.NOW) == 2
        assert server.asked == [f"{ALL_CHANGES}/6m"]
        stored = NetworkState.objects.order_by("timestamp").values_list("timestamp", flat=True)
        assert list(stored) == [START - timedelta(days=5), START + timedelta(days=9)]

    @pytest.mark.parametrize(
        ("days", "interval"),
        [(10, "/3m"), (100, "/6m"), (300, "/1y"), (700, "/2y"), (1000, "/3y"), (2000, "")],
    )
    def test_as_much_is_asked_as_is_needed(self, outside, days, interval):
        with outside({}) as server, contextlib.suppress(Exception):
            past_points(self.NOW - timedelta(days=days), self.NOW)
        assert server.asked[0] == f"{ALL_CHANGES}{interval}"


@pytest.mark.django_db
class TestCommand:
    RANGE = ("--from", "2025-03-01T00:00Z", "--to", "2025-03-02T00:00Z")

    def test_it_says_what_it_has_stored_and_what_nobody_tells(self, outside, capsys):
        with outside({BITCOIN: charted(24)}), pytest.raises(CommandError) as caught:
            call_command("fetch_coins", *self.RANGE)
        lines = capsys.readouterr().out.splitlines()
        assert "BTC in GBP, 2025-03-01 to 2025-03-02: 24 prices, 24 new (coingecko)" in lines
        assert str(caught.value).count("coingecko: answers HTTP 404") == 1
        assert "difficulty: answers HTTP 404" in str(caught.value)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--to", "2025-03-01"], "say from when, with --from"),
            (["--from", "2025-03-02", "--to", "2025-03-01"], "ends .* before it begins"),
            (["--from", "2010-01-01"], "longer than ten years"),
            (["--from", "2099-01-01", "--to", "2099-01-02"], "begins in the future"),
            (["--from", "2025-03-01", "--source", "coinbase"], "tells only what coins cost now"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, arguments, words):
        with pytest.raises(CommandError, match=words) as caught:
            call_command("fetch_coins", *arguments)
        assert caught.value.returncode == 2
