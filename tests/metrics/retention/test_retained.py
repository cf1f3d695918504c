"""What is dropped takes nothing with it: a price, a move or a recompute leaves what was made of it right."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import Bucket
from metrics.engine.grid import grid
from metrics.engine.retained import Floors, Part
from metrics.engine.run import run
from metrics.engine.verify import verify_day
from metrics.models import Metric, StoreForm
from metrics.store.dropping import drop_months, months_before
from miners.membership import move_miner
from pools.coin_history import store_network
from pools.coin_history import store_prices as store_coin_prices
from pools.network import NetworkPoint
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.reference import Row
from tests.metrics.retention.conftest import JULY, Farm, assert_alike, drop_before, figures, prices
from tests.metrics.store_helpers import at, epoch, store_prices, store_rows, use_zone

pytestmark = pytest.mark.django_db

WHOLE = (at("2026-03-01T00:00"), at("2026-03-06T00:00"))


def with_everything(change: Any) -> dict[Any, Any]:
    """Return the figures after `change` as they would be were nothing dropped."""
    with transaction.atomic():
        change()
        run(JULY)
        found = figures()
        transaction.set_rollback(True)
    return found


def recompute(farm: Farm) -> None:
    mark_miners_dirty([m.pk for m in farm.miners], *WHOLE)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/London", 3), ("Europe/London", 4), ("Europe/London", 9), ("Asia/Kathmandu", 4)],
)
def test_recomputing_where_telemetry_is_dropped_changes_nothing(farm: Farm, zone: str, day: int) -> None:
    use_zone(zone)
    run(JULY)
    before = figures()
    assert drop_before(day) > 0
    recompute(farm)
    run(JULY)
    assert_alike(figures(), before)


@pytest.mark.parametrize("day", [3, 9])
def test_a_corrected_price_is_applied_to_slots_whose_telemetry_is_dropped(farm: Farm, day: int) -> None:
    def correct() -> None:
        store_prices(farm.tariff, prices(31))

    before, expected = figures(), with_everything(correct)
    assert expected != before
    drop_before(day)
    correct()
    run(JULY)
    assert_alike(figures(), expected)


def test_a_corrected_price_is_applied_to_slots_that_were_longer_then(farm: Farm) -> None:
    """Half hours, of which a zone that needs quarters makes none where telemetry is dropped."""
    drop_before(9)
    use_zone("Asia/Kathmandu")
    run(JULY)
    store_prices(farm.tariff, prices(31))
    run(JULY)
    paid = Metric.objects.filter(
        metric_type="energy_cost", entity_type="system", period__in=("slot", "monthly")
    )
    assert {30 < told.value_json["avg_price_pence"] < 36 for told in paid} == {True}


@pytest.mark.parametrize("day", [3, 9])
def test_a_price_of_coins_that_comes_later_values_slots_whose_telemetry_is_dropped(
    farm: Farm, day: int
) -> None:
    def learn() -> None:
        store_network([NetworkPoint(WHOLE[0], 900_000, 1e14)], JULY)
        store_coin_prices({("BTC", "GBP"): 80_000.0}, "test", WHOLE[0] + timedelta(hours=30))

    before, expected = figures(), with_everything(learn)
    assert expected != before
    drop_before(day)
    learn()
    run(JULY)
    assert_alike(figures(), expected)


def test_a_slot_of_two_prices_keeps_the_cost_that_it_had(farm: Farm) -> None:
    """Its joules are not told apart by time; they stay, and so does what they cost."""
    drop_before(9)
    before = figures("slot")
    store_prices(farm.tariff, prices(31))
    half = prices(31)[30]
    farm.tariff.price_slots.filter(start=datetime.fromtimestamp(half.start_s, UTC)).update(
        end=datetime.fromtimestamp(half.start_s + 900, UTC)
    )
    run(JULY)
    changed = {key[3] for key, value in figures("slot").items() if before[key] != value}
    assert datetime.fromtimestamp(half.start_s, UTC) not in changed
    assert len(changed) > 40


def test_a_miner_that_moves_back_then_takes_its_figures_along(farm: Farm) -> None:
    other = SiteFactory(tariff=farm.tariff)

    def move() -> None:
        move_miner(farm.miners[0], other, date(2026, 3, 3), today=JULY.date())

    expected = with_everything(move)
    drop_before(9)
    move()
    run(JULY)
    assert_alike(figures(), expected)


def test_a_verified_day_without_telemetry_has_no_fault(farm: Farm) -> None:
    drop_before(9)
    day = Bucket(at("2026-03-03T00:00"), at("2026-03-04T00:00"))
    _, different = verify_day(day, [m.pk for m in farm.miners], grid(JULY), JULY)
    assert different == []


def test_history_of_a_new_miner_is_computed_where_the_others_is_dropped(farm: Farm) -> None:
    new = MinerFactory(site=farm.site)
    begin = epoch("2026-03-02T06:00")
    rows = [
        Row(new.pk, begin + n * 900, begin + (n + 1) * 900, 1500.0, 50_000.0, 55.0, 1, 0) for n in range(100)
    ]

    def deliver() -> None:
        store_rows(rows, now=JULY)

    expected = with_everything(deliver)
    drop_before(9)
    deliver()
    run(JULY)
    assert_alike(figures(), expected)


APRIL = at("2026-04-01T00:00")


def drop_slots(before: datetime = APRIL) -> None:
    StoreForm.objects.update(slots_from=before)
    assert drop_months(months_before(before)) > 0


LONG = ("daily", "weekly", "monthly")


@pytest.mark.parametrize("change", ["recompute", "price"])
def test_days_stay_where_slots_and_hours_are_dropped(farm: Farm, change: str) -> None:
    before = figures(*LONG)
    drop_before(9)
    drop_slots()
    if change == "price":
        store_prices(farm.tariff, prices(31))
    recompute(farm)
    run(JULY)
    assert_alike(figures(), before)


def test_sites_follow_a_move_where_only_days_are_left(farm: Farm) -> None:
    other = SiteFactory(tariff=farm.tariff)

    def move() -> None:
        move_miner(farm.miners[0], other, date(2026, 3, 3), today=JULY.date())

    expected = {k: v for k, v in with_everything(move).items() if k[2] in LONG and k[4] == "energy_cost"}
    drop_before(9)
    drop_slots()
    move()
    run(JULY)
    assert_alike({k: v for k, v in figures().items() if k[4] == "energy_cost"}, expected)


@pytest.mark.parametrize("first", ["2026-03-02T06:00", "2026-03-31T12:00", "2026-04-01T02:00"])
def test_history_of_a_new_miner_makes_its_days_where_those_are_all_that_is_left(
    farm: Farm, first: str
) -> None:
    """Also of the local day within which slots begin to be kept, an hour after it has begun."""
    new = MinerFactory(site=farm.site)
    begin = epoch(first)

    def deliver() -> None:
        store_rows(
            [Row(new.pk, begin + n * 900, begin + (n + 1) * 900, 1500.0) for n in range(100)], now=JULY
        )

    expected = {k: v for k, v in with_everything(deliver).items() if k[2] in LONG and k[4] == "energy_cost"}
    drop_before(9)
    drop_slots()
    deliver()
    run(JULY)
    assert_alike({k: v for k, v in figures(*LONG).items() if k[4] == "energy_cost"}, expected)
    assert not [key for key in figures("hourly") if key[0] != "miner" and key[3] < APRIL]


def test_another_zone_leaves_the_days_whose_slots_are_dropped(farm: Farm) -> None:
    before = figures(*LONG)
    drop_slots()
    use_zone("Asia/Kathmandu")
    run(JULY)
    assert_alike(figures(*LONG), before)


def test_time_is_cut_where_telemetry_begins_and_ends_to_be_dropped() -> None:
    def march(day: int) -> datetime:
        return datetime(2026, 3, day, tzinfo=UTC)

    floors = Floors({1: (march(2), march(5)), 2: (march(2), march(4))}, march(3))
    assert floors.parts(march(1), march(6), [1, 2, 3]) == [
        Part(march(1), march(2), [1, 2, 3], [], True),
        Part(march(2), march(3), [3], [1, 2], True),
        Part(march(3), march(4), [3], [1, 2], False),
        Part(march(4), march(5), [2, 3], [1], False),
        Part(march(5), march(6), [1, 2, 3], [], False),
    ]
    assert floors.parts(march(5), march(6), [1]) == [Part(march(5), march(6), [1], [], False)]


def test_recent_chunks_ask_for_no_floor(farm: Farm, django_assert_num_queries: Any) -> None:
    from metrics.engine.retained import NO_FLOORS, read_floors

    with django_assert_num_queries(0):
        assert read_floors([1], JULY, JULY) is NO_FLOORS
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_dropped")
        assert cursor.fetchone() == (0,)
