"""The store against an independent reference, late rows, corrected prices, and runs that repeat."""

from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.lib.magnitude import SMALLEST
from hmm.models import DirtyRange, Installation
from metrics.engine.run import clean, run
from metrics.models import Metric
from metrics.query import get_metric
from metrics.store.view import create_view
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import (
    NOW,
    assert_same,
    assert_store_is_right,
    at,
    epoch,
    rolled_back,
    store_prices,
    store_rows,
    taken_for_large,
    use_zone,
)

pytestmark = pytest.mark.django_db

ZONES = ("Europe/London", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
CLOCK_CHANGES = (
    "2025-03-30T01:00",
    "2025-10-26T01:00",
    "2025-04-05T15:00",
    "2025-10-04T15:30",
    "2025-03-09T05:30",
)


@pytest.fixture
def farm():
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, site, [MinerFactory(site=site), MinerFactory(site=site)]


def test_the_worked_example(farm):
    tariff, _, (miner, _) = farm
    store_prices(
        tariff,
        [
            Price(epoch("2025-06-01T12:00"), epoch("2025-06-01T12:30"), 20),
            Price(epoch("2025-06-01T12:30"), epoch("2025-06-01T13:00"), -5),
        ],
    )
    told = (("12:10", 600), ("12:40", 1800), ("12:50", 600))
    store_rows([Row(miner.pk, epoch(f"2025-06-01T{t}") - s, epoch(f"2025-06-01T{t}"), 3000) for t, s in told])
    run(NOW)

    def cost(period, begins):
        row = get_metric(
            metric_type="energy_cost",
            entity_type="miner",
            entity_id=miner.pk,
            period=period,
            timestamp=at(f"2025-06-01T{begins}"),
            now=NOW,
        )
        assert row is not None
        return row.value_json

    assert cost("slot", "12:00")["kwh"] == 1.5
    assert cost("slot", "12:00")["cost_gbp"] == 0.3
    assert cost("slot", "12:30")["kwh"] == 1.0
    assert cost("slot", "12:30")["cost_gbp"] == -0.05
    hour = {
        "kwh": 2.5,
        "cost_gbp": 0.25,
        "avg_price_pence": 10.0,
        "records": 3,
        "coverage": 5 / 6,
        "priced_kwh": 2.5,
    }
    assert_same(cost("hourly", "12:00"), hour, "the hour")


def test_the_least_that_is_believed_can_be_reckoned_with(farm):
    tariff, _, (miner, _) = farm
    hour = epoch("2025-06-01T12:00")
    store_prices(tariff, [Price(hour, hour + 1800, SMALLEST)])
    store_rows([Row(miner.pk, hour, hour + 900, SMALLEST, SMALLEST, SMALLEST)])
    run(NOW)
    found = Metric.objects.get(metric_type="efficiency", entity_type="miner", period="monthly")
    assert found.value_json["j_per_th"] == 1000


values = {
    "power_w": st.none() | st.floats(0, 5000, width=32),
    "hashrate_ghs": st.none() | st.just(0.0) | st.floats(1, 200_000, width=32),
    "temperature_c": st.none() | st.floats(10, 110, width=32),
    "accepted": st.none() | st.integers(0, 50),
    "rejected": st.none() | st.integers(0, 5),
}


@st.composite
def days_of_rows(draw):
    """Rows of two miners (0 and 1) around a clock change, at any cadence, with gaps, in any order."""
    middle = epoch(draw(st.sampled_from(CLOCK_CHANGES)))
    rows = []
    for miner in (0, 1):
        end = middle - draw(st.integers(0, 40)) * 1800 - draw(st.integers(0, 3600))
        cadence = draw(st.sampled_from((5, 30, 60, 300, 1800, 3600)))
        for _ in range(draw(st.integers(1, 20))):
            end += draw(st.sampled_from((cadence, cadence, cadence + 7, cadence * 3, 5000)))
            fields = {name: draw(strategy) for name, strategy in values.items()}
            rows.append(Row(miner, end - cadence, end, **fields))
    return middle, draw(st.permutations(rows))


@st.composite
def some_prices(draw, middle):
    step = draw(st.sampled_from((900, 1800, 3600)))
    starts = range(middle - 26 * 3600, middle + 26 * 3600, step)
    return [Price(s, s + step, draw(st.integers(-100, 400)) / 10) for s in starts if draw(st.integers(0, 9))]


@st.composite
def scenes(draw):
    middle, rows = draw(days_of_rows())
    zone, split = draw(st.sampled_from(ZONES)), draw(st.integers(0, len(rows)))
    return zone, rows, draw(some_prices(middle)), split, draw(st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(scene=scenes())
def test_every_figure_equals_the_reference_whatever_comes_late(scene):
    """Half the rows, a run, the rest and other prices, a run: the same as all of it from the start."""
    zone, rows, prices, split, large = scene
    with rolled_back(), taken_for_large(large):
        use_zone(zone)
        tariff = TariffFactory()
        site = SiteFactory(tariff=tariff)
        miners = [MinerFactory(site=site), MinerFactory(site=site)]
        rows = [Row(**{**r.__dict__, "miner": miners[r.miner].pk}) for r in rows]
        store_prices(tariff, [Price(p.start_s, p.end_s, p.pence + 1) for p in prices[::2]])
        for part in (rows[:split], rows[split:]):
            if part:
                store_rows(part)
                run(NOW)
        store_prices(tariff, prices)
        run(NOW)
        assert_store_is_right(rows, prices, miners, site)
        assert not DirtyRange.objects.exists()


def snapshot():
    return {m.id: m.value_json for m in Metric.objects.all()}


def hourly_rows(miner, day, hours=24):
    start = epoch(day)
    return [
        Row(miner.pk, start + h * 3600, start + (h + 1) * 3600, 1000 + h, 500.0 + h) for h in range(hours)
    ]


def test_computing_twice_changes_nothing(farm):
    _, _, (miner, _) = farm
    store_rows(hourly_rows(miner, "2025-06-01T00:00"))
    assert run(NOW) > 0
    first = snapshot()
    assert run(NOW) == 0
    assert snapshot() == first


def test_a_rebuild_equals_what_late_data_left(farm):
    _, _, (miner, other) = farm
    store_rows(hourly_rows(miner, "2025-06-01T00:00")[::2])
    run(NOW)
    store_rows(hourly_rows(miner, "2025-06-01T00:00") + hourly_rows(other, "2025-06-01T12:30"))
    run(NOW)
    left = snapshot()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_rollup")
    DirtyRange.objects.create(
        kind="miner",
        entity_ids=[miner.pk, other.pk],
        start=at("2025-05-01T00:00"),
        end=at("2025-07-01T00:00"),
    )
    run(NOW)
    rebuilt = snapshot()
    assert rebuilt.keys() == left.keys()
    for key, value in rebuilt.items():
        assert_same(left[key], value, key)


def test_time_fills_slots_hours_days_weeks_and_months_one_after_another(farm):
    _, _, (miner, _) = farm
    run(at("2025-06-30T22:05"))
    store_rows(hourly_rows(miner, "2025-06-30T00:00", 23), now=at("2025-06-30T23:01"))
    run(at("2025-06-30T23:05"), "hourly")
    assert not Metric.objects.filter(period="daily").exists()
    run(at("2025-06-30T23:30"), "daily")
    assert Metric.objects.filter(period="daily", entity_type="miner", metric_type="hashrate").count() == 1
    assert not Metric.objects.filter(period="monthly").exists()
    run(at("2025-07-01T00:10"))
    assert Metric.objects.filter(period="monthly", entity_type="system", metric_type="hashrate").count() == 1
    assert not Metric.objects.filter(period="weekly").exists()  # Monday 30 June to Sunday 6 July
    run(at("2025-07-07T00:10"))
    assert Metric.objects.filter(period="weekly", entity_type="system", metric_type="hashrate").count() == 1


def test_after_an_outage_the_next_run_fills_the_whole_gap(farm):
    _, _, (miner, _) = farm
    run(at("2025-06-01T00:05"))
    rows = [r for d in range(1, 10) for r in hourly_rows(miner, f"2025-06-{d:02}T00:00")]
    store_rows(rows, now=at("2025-06-10T00:00"))
    DirtyRange.objects.all().delete()  # the gap alone is reason enough
    run(at("2025-06-10T08:05"))
    hours = Metric.objects.filter(period="hourly", entity_type="miner", metric_type="hashrate")
    assert hours.count() == 9 * 24
    assert Metric.objects.filter(period="daily", entity_type="miner", metric_type="hashrate").count() == 9


def test_ranges_that_begin_in_the_open_slot_wait_for_it_to_close(farm):
    _, _, (miner, _) = farm
    run(at("2025-06-01T12:00"))
    store_rows(
        [Row(miner.pk, epoch("2025-06-01T12:10"), epoch("2025-06-01T12:20"), 3000)],
        now=at("2025-06-01T12:20"),
    )
    run(at("2025-06-01T12:25"))
    assert not Metric.objects.exists()
    run(at("2025-06-01T12:35"))
    assert Metric.objects.filter(period="slot", metric_type="energy_cost", entity_type="miner").count() == 1
    assert not DirtyRange.objects.exists()


def test_a_late_row_corrects_every_level(farm):
    _, site, (miner, _) = farm
    rows = hourly_rows(miner, "2025-06-02T00:00")
    store_rows(rows)
    run(NOW)
    late = Row(miner.pk, epoch("2025-06-02T10:10"), epoch("2025-06-02T10:20"), 9000, 9000)
    store_rows([late])
    assert clean(NOW) > 0
    assert_store_is_right([*rows, late], [], [miner], site)


def test_figures_carry_the_currency(farm):
    _, _, (miner, _) = farm
    store_rows(hourly_rows(miner, "2025-06-01T00:00", 1))
    run(NOW)
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": "Europe/Berlin", "currency": "EUR"})
    create_view("default", "EUR")
    value = Metric.objects.filter(metric_type="energy_cost", entity_type="miner")[0].value_json
    assert {"cost_eur", "avg_price_cent"} <= value.keys()


def test_metrics_are_read_only(farm):
    with pytest.raises(TypeError, match="cannot be saved"):
        Metric(metric_type="hashrate").save()


def test_the_published_query_is_an_index_scan(farm):
    _, _, (miner, _) = farm
    store_rows([r for d in range(1, 29) for r in hourly_rows(miner, f"2025-02-{d:02}T00:00")])
    run(NOW)
    found = Metric.objects.filter(
        metric_type="energy_cost",
        entity_type="system",
        period="daily",
        timestamp__gte=NOW - timedelta(days=600),
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = found.explain()
    assert "Index Scan" in plan
    assert "metrics_rollup_daily" in plan
    assert "hourly" not in plan
    assert len(found) == 28


def test_the_hour_at_a_months_edge_has_a_place_where_the_offset_is_not_whole(farm):
    _, site, (miner, _) = farm
    use_zone("America/St_Johns")
    rows = [Row(miner.pk, epoch("2025-03-01T00:00"), epoch("2025-03-01T00:10"), 1000.0)]
    store_rows(rows)
    run(NOW)
    assert_store_is_right(rows, [], [miner], site)


def test_a_second_tick_does_not_compute_the_closed_slot_again(farm):
    _, _, (miner, _) = farm
    for second, end in enumerate(("12:30:40", "12:31:10")):
        store_rows(
            [Row(miner.pk, epoch(f"2025-06-02T{end}") - 30, epoch(f"2025-06-02T{end}"), 1000.0 + second)],
            now=at(f"2025-06-02T{end}"),
        )
    assert {d.start for d in DirtyRange.objects.all()} == {at("2025-06-02T12:30")}
