"""Reading: the open period, what is computed while one waits, paging, and what is refused."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from energy.models import StandingCharge
from metrics.engine.run import run
from metrics.models import Metric
from metrics.query import NotComputedYet, UnknownWord, get_metric, metrics_in_range, open_metrics
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row, clipped, figures
from tests.metrics.store_helpers import (
    NOW,
    assert_same,
    at,
    epoch,
    moment,
    rolled_back,
    store_prices,
    store_rows,
    use_zone,
)

pytestmark = pytest.mark.django_db

DAY = "2025-06-02"  # a Monday; British Summer Time
OPEN_ON_MONDAY = {"daily": "2025-06-01T23:00", "weekly": "2025-06-01T23:00", "monthly": "2025-05-31T23:00"}


@pytest.fixture
def farm():
    use_zone("Europe/London")
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, site, [MinerFactory(site=site), MinerFactory(site=site)]


def minutes(miner, start, count, power=1000.0):
    begin = epoch(start)
    return [
        Row(miner.pk, begin + i * 60, begin + i * 60 + 60, power + i, 500.0 + i, 60.0, 1, i % 2)
        for i in range(count)
    ]


def half_hours(start, count):
    begin = epoch(start)
    return [Price(begin + i * 1800, begin + i * 1800 + 1800, 10.0 + i) for i in range(count)]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(filled=st.integers(0, 180), asked=st.integers(0, 240))
def test_the_open_period_is_right_now_however_far_the_store_is(farm, filled, asked):
    """The engine ran at some minute of the night, the reader comes at a later one."""
    tariff, site, miners = farm
    filled, asked = sorted((filled, asked))
    start = at(f"{DAY}T00:00")
    now = start + timedelta(minutes=asked, seconds=20)
    known = [r for m in miners for r in minutes(m, f"{DAY}T00:00", 240) if moment(r.end_s) <= now]
    prices = half_hours(f"{DAY}T00:00", 40)
    with rolled_back():
        store_prices(tariff, prices)
        run(start + timedelta(minutes=filled))
        store_rows(known, now=now)
        for period, begins in OPEN_ON_MONDAY.items() if known else ():
            for kind, pk in (("miner", miners[0].pk), ("site", site.pk), ("system", None)):
                own = [r for r in clipped(known) if kind != "miner" or r.miner == pk]
                expected = figures(own, prices, epoch(begins), int(now.timestamp()), kind)
                found = open_metrics(list(expected), period=period, entity_type=kind, entity_id=pk, now=now)[
                    pk
                ]
                for name, value in expected.items():
                    assert_same(found[name].value_json, value | {"partial": True}, (period, kind, name))
                    assert found[name].source == "live"


def test_a_closed_hour_that_no_run_has_seen_is_computed_while_one_waits(farm):
    _, _, (miner, _) = farm
    run(at(f"{DAY}T10:00"))
    store_rows(minutes(miner, f"{DAY}T10:00", 130), now=at(f"{DAY}T12:11"))
    rows = metrics_in_range(
        metric_type="hashrate",
        period="hourly",
        start=at(f"{DAY}T10:00"),
        end=at(f"{DAY}T13:00"),
        entity_type="miner",
        now=at(f"{DAY}T12:11"),
    )
    assert [(r.timestamp, r.source, r.value_json.get("partial")) for r in rows] == [
        (at(f"{DAY}T10:00"), "store", None),
        (at(f"{DAY}T11:00"), "store", None),
        (at(f"{DAY}T12:00"), "live", True),
    ]


def test_late_data_of_today_is_in_the_next_answer(farm):
    _, _, (miner, _) = farm
    now = at(f"{DAY}T12:11")
    store_rows(minutes(miner, f"{DAY}T10:00", 30), now=now)
    wanted = {"metric_type": "energy_cost", "entity_type": "miner", "entity_id": miner.pk, "period": "hourly"}
    first = get_metric(**wanted, timestamp=at(f"{DAY}T10:00"), now=now)
    store_rows(minutes(miner, f"{DAY}T10:30", 30), now=now)
    second = get_metric(**wanted, timestamp=at(f"{DAY}T10:00"), now=now)
    assert first
    assert second
    assert second.value_json["records"] == 2 * first.value_json["records"] == 60


def test_more_than_two_days_to_compute_is_too_much_to_wait_for(farm):
    _, _, (miner, _) = farm
    run(at("2025-06-01T00:00"))
    hours = [
        Row(miner.pk, epoch("2025-05-01T00:00") + h * 3600, epoch("2025-05-01T01:00") + h * 3600, 10.0)
        for h in range(96)
    ]
    store_rows(hours)
    ask = {
        "metric_type": "energy_cost",
        "period": "daily",
        "entity_type": "miner",
        "now": at("2025-06-01T00:10"),
    }
    with pytest.raises(NotComputedYet, match="backfill_metrics --from 2025-05-01"):
        metrics_in_range(start=at("2025-04-30T23:00"), end=at("2025-05-06T00:00"), **ask)
    assert len(metrics_in_range(start=at("2025-04-30T23:00"), end=at("2025-05-01T23:00"), **ask)) == 1
    assert Metric.objects.filter(period="daily", metric_type="hashrate", entity_type="miner").count() == 1


def test_a_page_ends_where_the_next_begins(farm):
    _, _, miners = farm
    store_rows([r for m in miners for r in minutes(m, f"{DAY}T00:00", 300)])
    run(NOW)
    ask = {
        "metric_type": "hashrate",
        "period": "hourly",
        "start": at(f"{DAY}T00:00"),
        "end": at(f"{DAY}T05:00"),
    }
    whole = metrics_in_range(**ask, now=NOW)
    assert [r.position for r in whole] == sorted(
        (r.position for r in whole), key=lambda p: (p[0], p[1], p[2] or 0)
    )
    for size in (1, 3, 7):
        walked, after = [], None
        while page := metrics_in_range(**ask, limit=size, after=after, now=NOW):
            walked += page
            after = page[-1].position
        assert walked == whole


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("type", {"metric_type": "watts"}),
        ("period", {"period": "yearly"}),
        ("entity_type", {"entity_type": "rack"}),
    ],
)
def test_unknown_words_are_named(farm, field, change):
    ask = {
        "metric_type": "hashrate",
        "period": "hourly",
        "entity_type": "miner",
        "start": NOW,
        "end": NOW,
    } | change
    with pytest.raises(UnknownWord) as refused:
        metrics_in_range(**ask)
    assert refused.value.field == field


def test_reading_costs_the_same_number_of_queries_for_any_number_of_miners(
    farm, django_assert_max_num_queries
):
    _, site, miners = farm
    for extra in (0, 10):
        miners += [MinerFactory(site=site) for _ in range(extra)]
        now = at(f"{DAY}T03:00") + timedelta(minutes=extra)
        store_rows([r for m in miners for r in minutes(m, f"{DAY}T00:00", 170)], now=now)
        run(now)
        open_metrics(["hashrate"], period="daily", entity_type="miner", now=now)  # the installation is cached
        with django_assert_max_num_queries(2):
            found = open_metrics(["hashrate", "energy_cost"], period="daily", entity_type="miner", now=now)
        assert len(found) == len(miners)


def test_the_standing_charge_is_spread_over_the_local_day(farm):
    tariff, site, (miner, _) = farm
    StandingCharge.objects.create(tariff=tariff, start=at("2025-01-01T00:00"), pence_per_day=48)
    store_rows(minutes(miner, f"{DAY}T00:00", 60))
    run(NOW)

    def charge(period, begins, kind="site"):
        row = get_metric(
            metric_type="energy_cost",
            entity_type=kind,
            entity_id=site.pk if kind == "site" else None,
            period=period,
            timestamp=at(begins),
            now=NOW,
        )
        assert row is not None
        return row.value_json["standing_charge_gbp"]

    assert charge("hourly", f"{DAY}T00:00") == pytest.approx(0.02)
    assert charge("slot", f"{DAY}T00:30") == pytest.approx(0.01)
    assert charge("daily", "2025-06-01T23:00") == pytest.approx(0.48)
    assert charge("monthly", "2025-05-31T23:00", "system") == pytest.approx(0.48 * 30)


def test_history_stays_with_the_site_when_a_miner_moves(farm):
    _, site, (miner, _) = farm
    other = SiteFactory()
    miner.moves.create(site=other, start_date=at(f"{DAY}T00:00").date())
    store_rows(minutes(miner, "2025-06-01T12:00", 60) + minutes(miner, f"{DAY}T12:00", 30))
    run(NOW)

    def records(period, begins, where):
        row = get_metric(
            metric_type="hashrate",
            entity_type="site",
            entity_id=where.pk,
            period=period,
            timestamp=at(begins),
            now=NOW,
        )
        return row and row.value_json["records"]

    assert records("daily", "2025-05-31T23:00", site) == 60
    assert records("daily", "2025-06-01T23:00", site) is None
    assert records("daily", "2025-06-01T23:00", other) == 30
    assert records("monthly", "2025-05-31T23:00", site) == 60
    assert records("monthly", "2025-05-31T23:00", other) == 30


def test_too_much_is_too_much_also_before_the_first_run(farm):
    _, _, (miner, _) = farm
    hours = range(epoch("2025-05-01T00:00"), epoch("2025-05-05T00:00"), 3600)
    store_rows([Row(miner.pk, hour, hour + 3600, 10.0) for hour in hours])
    with pytest.raises(NotComputedYet):
        metrics_in_range(
            metric_type="hashrate",
            period="daily",
            start=at("2025-04-30T23:00"),
            end=at("2025-05-06T00:00"),
            now=NOW,
        )


def test_whole_and_broken_prices_may_be_mixed(farm):
    """JSON has no difference between 20 and 20.0, and PostgreSQL's arrays have one."""
    tariff, _, (miner, _) = farm
    now = at(f"{DAY}T01:00")
    run(at(f"{DAY}T00:00"))
    store_prices(
        tariff,
        [
            Price(epoch(f"{DAY}T00:00"), epoch(f"{DAY}T00:30"), 20),
            Price(epoch(f"{DAY}T00:30"), epoch(f"{DAY}T01:00"), 0.5),
        ],
    )
    store_rows(minutes(miner, f"{DAY}T00:00", 59), now=now)
    value = open_metrics(["energy_cost"], period="daily", entity_type="miner", now=now - timedelta(minutes=1))
    assert value[miner.pk]["energy_cost"].value_json["priced_kwh"] > 0
