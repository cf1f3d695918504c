"""Another time zone or currency: the store follows."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from hmm.installation import forget_installation, installation
from hmm.lib.times import local_midnight
from hmm.models import Installation
from metrics.engine.grid import grid
from metrics.engine.run import run
from metrics.models import Metric, StoreForm
from metrics.query import metrics_in_range
from miners.membership import move_miner
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import assert_store_is_right, at, epoch, store_prices, store_rows, use_zone

pytestmark = pytest.mark.django_db

NOW = at("2025-04-08T12:00")
"""When every period of the telemetry below has just ended."""


@pytest.fixture
def farm():
    use_zone("Europe/London")
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, site, MinerFactory(site=site)


def two_days(miner, begin="2025-03-29T12:10"):
    start = epoch(begin)
    return [
        Row(miner.pk, start + i * 1700, start + i * 1700 + 1700, 1000.0 + i, 500.0, 50.0, i, 0)
        for i in range(100)
    ]


@pytest.mark.parametrize("is_read_first", [False, True])
@pytest.mark.parametrize("zone", ["America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_another_zone_merges_everything_anew(farm, zone, is_read_first):
    tariff, site, miner = farm
    rows = two_days(miner)
    prices = [
        Price(s, s + 1800, (s // 1800) % 30)
        for s in range(epoch("2025-03-29T00:00"), epoch("2025-04-01T00:00"), 1800)
    ]
    store_prices(tariff, prices)
    store_rows(rows)
    run(NOW)
    use_zone(zone)
    forget_installation()
    if is_read_first:
        grid(NOW)
    run(NOW)
    assert_store_is_right(rows, prices, [miner], site)
    assert run(NOW) == 0


def test_the_slot_in_which_history_begins_is_not_left_beside_the_finer_ones_of_another_zone(farm):
    _, site, miner = farm
    rows = two_days(miner, "2025-03-29T12:20")
    store_rows(rows)
    run(NOW)
    use_zone("Asia/Kathmandu")  # has it in slots of 15 minutes, in the second of which the first row begins
    run(NOW)
    assert_store_is_right(rows, [], [miner], site)


def test_a_move_changes_the_price_at_midnight_of_the_new_zone(farm):
    tariff, _, miner = farm
    dear = TariffFactory()
    for paid, pence in ((tariff, 10), (dear, 30)):
        store_prices(paid, [Price(epoch("2025-03-29T00:00"), epoch("2025-04-01T00:00"), pence)])
    store_rows(two_days(miner))
    move_miner(miner, SiteFactory(tariff=dear), date(2025, 3, 30), today=NOW.date())
    run(NOW)
    for zone in ("America/St_Johns", "Asia/Kathmandu", "Europe/London"):
        use_zone(zone)
        run(NOW)
        days = Metric.objects.filter(metric_type="energy_cost", entity_type="miner", period="daily")
        told = [day.value_json["avg_price_pence"] for day in days.order_by("timestamp")]
        assert told[:2] == [pytest.approx(10), pytest.approx(30)], zone


def test_a_reader_does_not_see_the_days_of_the_zone_before(farm):
    _, _, miner = farm
    rows = two_days(miner)
    store_rows(rows)
    run(NOW)
    use_zone("America/St_Johns")
    forget_installation()
    found = metrics_in_range(
        metric_type="hashrate",
        period="daily",
        entity_type="miner",
        start=at("2025-03-01T12:00"),
        end=NOW,
        now=NOW,
    )
    assert {r.timestamp.strftime("%H:%M") for r in found} == {"02:30"}  # midnight at −2:30


def test_another_currency_renames_the_keys(farm):
    _, _, miner = farm
    store_rows(two_days(miner))
    run(NOW)
    Installation.objects.update(currency="EUR")
    forget_installation()
    run(NOW)
    assert "cost_eur" in Metric.objects.filter(metric_type="energy_cost", entity_type="miner")[0].value_json
    assert StoreForm.objects.get().currency == "EUR"


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kathmandu"])
def test_a_zone_that_another_process_has_just_changed_is_not_mixed_with_the_one_before(farm, name):
    _, _, miner = farm
    rows = two_days(miner)
    store_rows(rows)
    run(NOW)
    later, start = NOW + timedelta(days=1), int(NOW.timestamp())
    more = [Row(miner.pk, start + i * 600, start + i * 600 + 600, 1000.0, 500.0) for i in range(30)]
    store_rows(more, later)
    assert installation().time_zone == "Europe/London"  # remembered for a while
    Installation.objects.update(time_zone=name)
    run(later)
    days = Metric.objects.filter(metric_type="hashrate", entity_type="miner", period="daily")
    zone = ZoneInfo(name)
    assert all(m.timestamp == local_midnight(m.timestamp.astimezone(zone).date(), zone) for m in days)
    assert sum(m.value_json["records"] for m in days) == len(rows) + len(more)
