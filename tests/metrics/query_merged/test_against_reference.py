"""Any range of whole periods merged from the store, beside the reference of that very range."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.engine.run import run
from metrics.query import aggregate
from miners.models import MinerSite
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.query_merged.conftest import (
    BEGIN,
    HOUR,
    HOURS,
    ask,
    epoch_of,
    expected_of,
    hourly_prices,
    rows_of,
    whole,
)
from tests.metrics.reference import Row
from tests.metrics.store_helpers import (
    NOW,
    assert_same,
    at,
    epoch,
    moment,
    rolled_back,
    store_prices,
    store_rows,
)

pytestmark = pytest.mark.django_db


readings = st.tuples(
    st.integers(0, 1),
    st.integers(0, HOURS * 60 - 90),
    st.integers(5, 5400),
    st.none() | st.floats(0, 5000, width=32),
    st.none() | st.just(0.0) | st.floats(1, 200_000, width=32),
    st.none() | st.floats(10, 110, width=32),
    st.none() | st.integers(0, 50),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    told=st.lists(readings, min_size=10, max_size=40),
    edges=st.tuples(st.integers(0, HOURS - 2), st.integers(1, HOURS)),
    period=st.sampled_from(["slot", "hourly", "daily"]),
    asked=st.integers(60, HOURS * 60),
)
def test_a_range_is_what_the_reference_says_of_it(farm, told, edges, period, asked):
    """Cut anywhere at an hour, over the clock change and a month's end, open or closed at its end."""
    tariff, site, miners = farm
    start, length = at(BEGIN) + edges[0] * HOUR, edges[1] * HOUR
    now = at(BEGIN) + timedelta(minutes=asked, seconds=20)
    rows = [r for r in rows_of(miners, told) if moment(r.end_s) <= now]
    prices = hourly_prices()
    with rolled_back():
        store_prices(tariff, prices)
        run(at(BEGIN))
        store_rows(rows, now=now)
        run(now - timedelta(minutes=50))
        low, high = whole(period, start, min(start + length, now), now)
        for kind, pk in (("miner", miners[0].pk), ("site", site.pk), ("system", None)):
            expected = expected_of(rows, prices, kind, pk, low, high)
            for name in ("energy_cost", "hashrate", "temperature", "uptime", "efficiency"):
                found = aggregate(
                    metric_type=name,
                    period=period,
                    start=start,
                    end=start + length,
                    entity_type=kind,
                    entity_id=pk,
                    now=now,
                )
                assert [f.entity_id for f in found] == ([pk] if expected else [])
                for figure in found:
                    partial = {"partial": True} if "partial" in figure.value_json else {}
                    assert_same(figure.value_json, expected[name] | partial, (name, kind, period))
                    assert (epoch_of(figure.start), epoch_of(figure.end)) == (low, high)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.sets(st.integers(0, 47), max_size=12), min_size=3, max_size=3))
def test_a_miner_is_counted_in_each_stretch_that_it_did_something_in(farm, at_work):
    """Also where the fullest hour or day lacks it, and where it has moved to another site since."""
    tariff, _, miners = farm
    begin = epoch("2025-03-26T00:00")
    with rolled_back():
        moved = MinerFactory(site=SiteFactory(tariff=tariff))
        pairs = zip([*miners, moved], at_work, strict=True)
        worked = {miner.pk: hours for miner, hours in pairs}
        store_rows(
            [
                Row(pk, begin + n * 3600, begin + n * 3600 + 1800, 1000.0, 500.0, 50.0, 0, 0)
                for pk, hours in worked.items()
                for n in hours
            ]
        )
        MinerSite.objects.create(miner=moved, site=miners[0].site, start_date=date(2025, 3, 27))
        run(NOW)
        span = {"start": moment(begin), "end": moment(begin + 48 * 3600), "metric_type": "energy_cost"}
        for period, into, hours in (("hourly", None, 48), ("hourly", "daily", 24), ("daily", None, 48)):
            found = aggregate(**ask(period=period, into=into, **span))
            counted = {(epoch_of(f.start) - begin) // 3600: f.value_json["miner_count"] for f in found}
            present = {
                first: sum(any(first <= n < first + hours for n in own) for own in worked.values())
                for first in range(0, 48, hours)
            }
            assert counted == {first: count for first, count in present.items() if count}
