"""Figures from packed telemetry equal the reference, over the border of packed and plain days too."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import Bucket
from metrics.engine.grid import grid
from metrics.engine.run import run
from metrics.engine.verify import verify_day
from metrics.models import Metric
from metrics.query import percentile
from miners.models import Telemetry
from miners.telemetry.packed.store import pack
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import (
    NOW,
    assert_store_is_right,
    at,
    epoch,
    moment,
    rolled_back,
    store_prices,
    store_rows,
    taken_for_large,
    use_zone,
)
from tests.metrics.test_engine import ZONES, days_of_rows, some_prices

pytestmark = pytest.mark.django_db

A_DAY = timedelta(days=1)


def pack_days(numbers: set[int]) -> None:
    """Pack those of the days with rows that have these numbers, counted from the first."""
    days = sorted({t.timestamp.date() for t in Telemetry.objects.all()})
    miner_ids = sorted({t.miner_id for t in Telemetry.objects.all()})
    for number, day in enumerate(days):
        if number in numbers:
            pack(miner_ids, day)


@st.composite
def scenes(draw):
    middle, rows = draw(days_of_rows())
    split = draw(st.integers(1, len(rows)))
    packed = draw(st.sets(st.integers(0, 3)))
    return draw(st.sampled_from(ZONES)), rows, draw(some_prices(middle)), split, packed, draw(st.booleans())


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(scene=scenes())
def test_every_figure_equals_the_reference_whichever_days_are_packed(scene):
    """Some rows, packed, a run; the others late, packed, a run; then everything once more from what is packed."""
    zone, rows, prices, split, packed, large = scene
    with rolled_back(), taken_for_large(large):
        use_zone(zone)
        tariff = TariffFactory()
        site = SiteFactory(tariff=tariff)
        miners = [MinerFactory(site=site), MinerFactory(site=site)]
        rows = [Row(**{**r.__dict__, "miner": miners[r.miner].pk}) for r in rows]
        store_prices(tariff, prices)
        for part in (rows[:split], rows[split:]):
            store_rows(part)
            pack_days(packed)
            run(NOW)
        assert assert_store_is_right(rows, prices, miners, site) > 0
        first, last = min(r.start_s for r in rows), max(r.end_s for r in rows)
        mark_miners_dirty([m.pk for m in miners], moment(first), moment(last))
        run(NOW)
        assert assert_store_is_right(rows, prices, miners, site) > 0


@pytest.fixture
def a_packed_month():
    """Two miners, a row each half-hour of two days, packed; a third day plain."""
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    miners = [MinerFactory(site=site), MinerFactory(site=site)]
    begin = epoch("2026-03-02T00:10")
    rows = [
        Row(m.pk, begin + n * 600, begin + (n + 1) * 600, 3000 + n % 7, 100_000.0 + n, 60.5, 1, 0)
        for m in miners
        for n in range(3 * 144)
    ]
    store_prices(
        tariff, [Price(begin - 600 + n * 1800, begin + 1200 + n * 1800, 20 + n % 3) for n in range(144)]
    )
    store_rows(rows)
    pack_days({0, 1})
    return miners, site, rows


def test_a_fleet_in_a_new_zone_is_merged_anew_from_packed_days(a_packed_month):
    run(NOW)
    use_zone("Asia/Kathmandu")
    run(NOW)
    zoned = {m.pk: m.value_json for m in Metric.objects.filter(period="hourly", metric_type="hashrate")}
    mark_miners_dirty([m.pk for m in a_packed_month[0]], at("2026-03-02"), at("2026-03-06"))
    run(NOW)
    assert zoned
    assert zoned == {
        m.pk: m.value_json for m in Metric.objects.filter(period="hourly", metric_type="hashrate")
    }


def test_verifying_a_packed_day_finds_nothing_wrong(a_packed_month):
    miners, _, _ = a_packed_month
    run(NOW)
    compared, different = verify_day(
        Bucket(at("2026-03-03"), at("2026-03-04")), [m.pk for m in miners], grid(NOW), NOW
    )
    assert compared > 48
    assert different == []


def test_a_percentile_over_part_of_an_hour_reads_packed_rows(a_packed_month):
    """Slots have no sketch: the half-hours at the ends of a range come straight from telemetry."""
    run(NOW)

    def median():
        found = percentile(
            metric_type="hashrate",
            percent=50,
            period="slot",
            start=at("2026-03-03T10:30"),
            end=at("2026-03-03T11:00"),
            entity_type="system",
            now=NOW,
        )
        return found.value

    rows = [r for r in a_packed_month[2] if epoch("2026-03-03T10:30") < r.end_s <= epoch("2026-03-03T11:00")]
    middle = sorted(r.hashrate_ghs for r in rows)[len(rows) // 2]
    assert median() == pytest.approx(middle, rel=0.01)
