"""Earnings: each hour at its own difficulty and price, null where nobody knows them, anew when history changes."""

from datetime import timedelta
from fractions import Fraction as F

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from metrics.engine.run import clean, run
from metrics.models import Metric
from metrics.query import get_metric
from pools.coin_history import store_network, store_prices
from pools.network import NetworkPoint
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import NOW, at, epoch, moment, rolled_back, store_rows
from tests.metrics.store_helpers import store_prices as store_tariff

pytestmark = pytest.mark.django_db

DIFFICULTY, SUBSIDY = 1e14, 3.125
DAY = "2025-06-01"
HEIGHT = 850_000


@pytest.fixture
def farm():
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, [MinerFactory(site=site), MinerFactory(site=site)]


def btc_price(when: str, pounds: float) -> None:
    store_prices({("BTC", "GBP"): pounds}, "test", at(f"{DAY}T{when}"))


def difficulty(when: str, value: float = DIFFICULTY) -> None:
    store_network([NetworkPoint(at(f"{DAY}T{when}"), HEIGHT, value)], NOW)


def row(miner, start: str, end: str, watts: float | None = 3000, ghs: float | None = 1e5) -> Row:
    return Row(miner.pk, epoch(f"{DAY}T{start}"), epoch(f"{DAY}T{end}"), watts, ghs)


def earnings(when: str, period: str = "hourly", entity_type: str = "miner", miner=None) -> dict:
    found = Metric.objects.filter(
        metric_type="earnings", entity_type=entity_type, period=period, timestamp=at(when)
    )
    return (found.filter(entity_id=miner.pk) if miner else found).get().value_json


def expected_btc(seconds: float, ghs: float = 1e5, value: float = DIFFICULTY) -> float:
    return float(F(seconds) * F(ghs) * 10**9 * F(SUBSIDY) / (F(value) * 2**32))


def test_a_worked_example(farm):
    tariff, (miner, _) = farm
    store_tariff(tariff, [Price(epoch(f"{DAY}T12:00"), epoch(f"{DAY}T13:00"), 20)])
    difficulty("00:00")
    btc_price("11:50", 80_000)
    store_rows([row(miner, "12:00", "13:00")])
    run(NOW)
    told = earnings(f"{DAY}T12:00", miner=miner)
    btc = expected_btc(3600)
    assert told == {
        "records": 1,
        "coverage": 1.0,
        "btc": pytest.approx(btc),
        "revenue_gbp": pytest.approx(btc * 80_000),
        "cost_gbp": pytest.approx(0.60),
        "profit_gbp": pytest.approx(btc * 80_000 - 0.60),
        "break_even_pence": pytest.approx(btc * 80_000 * 100 / 3),
        "basis": "expectation",
    }
    assert btc == pytest.approx(100e12 * 3600 * 3.125 / (1e14 * 2**32))
    assert earnings(f"{DAY}T12:00", entity_type="system") == told


def test_each_hour_has_its_own_difficulty_and_price(farm):
    _, (miner, _) = farm
    difficulty("00:00", 1e14)
    difficulty("13:00", 2e14)
    btc_price("12:00", 80_000)
    btc_price("13:00", 60_000)
    store_rows([row(miner, "12:00", "14:00")])
    run(NOW)
    first, second = earnings(f"{DAY}T12:00", miner=miner), earnings(f"{DAY}T13:00", miner=miner)
    assert first["btc"] == pytest.approx(expected_btc(3600, value=1e14))
    assert second["btc"] == pytest.approx(expected_btc(3600, value=2e14))
    assert first["revenue_gbp"] / first["btc"] == pytest.approx(80_000)
    assert second["revenue_gbp"] / second["btc"] == pytest.approx(60_000)
    day = earnings("2025-05-31T23:00", "daily", miner=miner)
    assert day["revenue_gbp"] == pytest.approx(first["revenue_gbp"] + second["revenue_gbp"], rel=1e-12)


def test_without_difficulty_nothing_is_expected_and_without_price_nothing_earned(farm):
    _, (miner, _) = farm
    btc_price("12:10", 80_000)
    store_rows([row(miner, "12:00", "13:00")])
    run(NOW)
    told = earnings(f"{DAY}T12:00", miner=miner)
    assert (told["btc"], told["revenue_gbp"], told["profit_gbp"], told["break_even_pence"]) == (None,) * 4
    assert told["coverage"] == 0


def test_a_price_too_old_is_none(farm):
    tariff, (miner, _) = farm
    store_tariff(tariff, [Price(epoch(f"{DAY}T12:00"), epoch(f"{DAY}T13:00"), 20)])
    difficulty("00:00")
    store_prices({("BTC", "GBP"): 80_000.0}, "test", at(f"{DAY}T12:00") - timedelta(hours=25))
    store_rows([row(miner, "12:00", "13:00")])
    run(NOW)
    told = earnings(f"{DAY}T12:00", miner=miner)
    assert told["btc"] == pytest.approx(expected_btc(3600))
    assert (told["revenue_gbp"], told["profit_gbp"]) == (None, None)


def test_profit_needs_a_price_for_all_the_energy_and_a_revenue_for_all_the_work(farm):
    tariff, (miner, other) = farm
    store_tariff(tariff, [Price(epoch(f"{DAY}T12:00"), epoch(f"{DAY}T12:30"), 20)])
    difficulty("00:00")
    btc_price("12:00", 80_000)
    store_rows([row(miner, "12:00", "13:00"), row(other, "12:00", "12:30", watts=None)])
    run(NOW)
    told = earnings(f"{DAY}T12:00", miner=miner)
    assert told["cost_gbp"] == pytest.approx(0.30)
    assert told["profit_gbp"] is None
    assert told["break_even_pence"] is not None
    without_power = earnings(f"{DAY}T12:00", miner=other)
    assert without_power["revenue_gbp"] > 0
    assert (without_power["profit_gbp"], without_power["break_even_pence"]) == (None, None)


def test_history_that_comes_later_is_computed_and_only_where_it_holds(farm):
    _, (miner, _) = farm
    difficulty("00:00")
    store_rows([row(miner, "12:00", "14:00")])
    run(NOW)
    assert earnings(f"{DAY}T12:00", miner=miner)["revenue_gbp"] is None
    btc_price("12:45", 80_000)
    clean(NOW)
    assert not DirtyRange.objects.exists()
    first, second = earnings(f"{DAY}T12:00", miner=miner), earnings(f"{DAY}T13:00", miner=miner)
    assert first["revenue_gbp"] == pytest.approx(expected_btc(1800) * 80_000)  # the second half hour only
    assert second["revenue_gbp"] == pytest.approx(expected_btc(3600) * 80_000)
    assert first["profit_gbp"] is None


def test_the_same_history_again_changes_nothing(farm):
    btc_price("12:00", 80_000)
    difficulty("00:00")
    run(NOW)
    btc_price("12:00", 90_000)
    difficulty("00:00", 7.0)
    assert not DirtyRange.objects.exists()


def test_other_coins_and_currencies_mark_nothing(farm):
    stored = store_prices({("BCH", "GBP"): 400.0, ("BTC", "USD"): 100_000.0}, "test", at(f"{DAY}T12:00"))
    assert stored == 2
    assert not DirtyRange.objects.exists()


def test_the_open_hour_is_live(farm):
    _, (miner, _) = farm
    minutes = timedelta(minutes=40)
    store_network([NetworkPoint(NOW - timedelta(days=3), HEIGHT, DIFFICULTY)], NOW)
    store_prices({("BTC", "GBP"): 80_000.0}, "test", NOW - timedelta(hours=2))
    run(NOW)
    start = int(NOW.timestamp())
    store_rows([Row(miner.pk, start, start + 2400, 3000, 1e5)], NOW + minutes)
    store_prices({("BTC", "GBP"): 60_000.0}, "test", NOW + timedelta(minutes=30))
    told = get_metric(
        metric_type="earnings",
        entity_type="miner",
        entity_id=miner.pk,
        period="hourly",
        timestamp=NOW,
        now=NOW + minutes,
    )
    assert told.source == "live"
    assert told.value_json["btc"] == pytest.approx(expected_btc(2400))
    assert told.value_json["revenue_gbp"] == pytest.approx(
        expected_btc(1800) * 80_000 + expected_btc(600) * 60_000
    )
    run(NOW + timedelta(hours=1, minutes=1))
    assert earnings(f"{NOW:%Y-%m-%dT%H:%M}", miner=miner)["revenue_gbp"] == pytest.approx(
        told.value_json["revenue_gbp"]
    )


moments = st.integers(epoch(f"{DAY}T10:00"), epoch(f"{DAY}T15:00"))
spans = st.tuples(
    moments, st.integers(60, 5400), st.none() | st.integers(0, 4000), st.none() | st.integers(0, 200_000)
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(spans, min_size=1, max_size=5),
    prices=st.dictionaries(moments, st.integers(1, 100_000), max_size=4),
    difficulties=st.dictionaries(moments, st.integers(1, 10**15), max_size=3),
)
def test_the_store_is_what_history_says(farm, told, prices, difficulties):
    with rolled_back():
        _, (miner, _) = farm
        rows, last = [], 0
        for start, length, watts, ghs in sorted(told):
            if start >= last:
                rows.append(Row(miner.pk, start, start + length, watts, ghs))
                last = start + length
        store_rows(rows)
        store_network([NetworkPoint(moment(s), HEIGHT, float(d)) for s, d in difficulties.items()], NOW)
        for s, pounds in prices.items():
            store_prices({("BTC", "GBP"): float(pounds)}, "test", moment(s))
        run(NOW)
        found = Metric.objects.filter(metric_type="earnings", entity_type="miner", period="daily")
        value = found.get().value_json
        btc, revenue = by_hand(rows, prices, difficulties)
        assert value["btc"] == (None if btc is None else pytest.approx(float(btc), rel=1e-9, abs=1e-30))
        assert value["revenue_gbp"] == (
            None if revenue is None else pytest.approx(float(revenue), rel=1e-9, abs=1e-30)
        )


def by_hand(rows: list[Row], prices: dict[int, int], difficulties: dict[int, int]) -> tuple:
    """Return bitcoins and pounds, half hour by half hour, with exact fractions; None where nothing is known."""
    btc = revenue = None
    for slot in range(epoch(f"{DAY}T00:00"), epoch(f"{DAY}T20:00"), 1800):
        seconds = [
            (F(r.hashrate_ghs), min(r.end_s, slot + 1800) - max(r.start_s, slot))
            for r in rows
            if r.hashrate_ghs is not None
        ]
        worked = [(ghs, s) for ghs, s in seconds if s > 0]
        hard = [d for s, d in sorted(difficulties.items()) if s < slot + 1800]
        price = [p for s, p in sorted(prices.items()) if s < slot + 1800]
        if worked and hard:
            won = sum(ghs * s for ghs, s in worked) * 10**9 * F(SUBSIDY) / (F(hard[-1]) * 2**32)
            btc = (btc or 0) + won
            if price:
                revenue = (revenue or 0) + won * price[-1]
    return btc, revenue


def test_kinds_of_its_keys():
    from metrics.query import Kind, kinds_of

    kinds = kinds_of("earnings", "miner")
    totals = {"btc", "revenue_gbp", "cost_gbp", "profit_gbp"}
    assert {key for key, kind in kinds.items() if kind is Kind.TOTAL} - {"records"} == totals
    assert (kinds["break_even_pence"], kinds["basis"]) == (Kind.MEAN, Kind.WORD)
