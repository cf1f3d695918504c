"""What the dashboard reads in one query is what each reader by itself would say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from metrics.dashboard.glance import MOST_URGENT, Glance, Part, glance
from metrics.dashboard.read import site_prices
from metrics.query.conditions import Condition, condition_of
from metrics.query.fleet_sql import SORTS, Asked, fleet_now, main_site_now, some_miners
from metrics.query.reading import told_beside
from miners.models import LatestReading, Miner, MinerModel
from tests.factories import MinerFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WELL = (Condition.HASHING, Condition.MAINTENANCE, Condition.UNPOLLED, Condition.NEW)
READINGS = [
    (1200.0, 18.0, 71.5),
    (0.0, 3.0, None),
    (None, 20.0, 40.0),
    (950.5, None, 75.0),
    (3.3, 18.0, 60.0),
]


@pytest.fixture
def fleet() -> None:
    model = MinerModel.objects.create(name="Gamma 100%", max_temperature_c=70)
    for n, (hashrate_ghs, power_w, temperature_c) in enumerate(READINGS * 2):
        miner = MinerFactory(name=f"rig-{n}", model=model if n % 3 != 1 else None, host="192.0.2.1")
        Miner.objects.filter(pk=miner.pk).update(
            state=("online", "unreachable", "maintenance")[n // 4], state_since=NOW - timedelta(minutes=n)
        )
        told = {"hashrate_ghs": hashrate_ghs, "power_w": power_w, "temperature_c": temperature_c}
        when = NOW - timedelta(seconds=20 * n)
        LatestReading.objects.update_or_create(miner=miner, defaults=told | {"timestamp": when})


def at_a_glance(asked: Asked | None = None) -> Glance:
    return Glance(told_beside(glance(Part, asked or Asked(), NOW.date(), NOW, NOW - timedelta(hours=24))))


@pytest.mark.usefixtures("fleet")
def test_every_way_to_sort_is_that_of_a_page_by_itself() -> None:
    for sort, descending, offset in product(SORTS, (False, True), (0, 4)):
        asked = Asked(sort=sort, descending=descending, limit=4, offset=offset)
        assert at_a_glance(asked).page == some_miners(asked, NOW), asked


@pytest.mark.usefixtures("fleet")
def test_a_search_finds_the_same_and_beyond_the_last_page_is_the_last() -> None:
    for asked in (Asked(search="100%"), Asked(search="g-1", limit=1), Asked(condition=Condition.UNREACHABLE)):
        assert at_a_glance(asked).page == some_miners(asked, NOW)
    beyond = Asked(limit=4, offset=400)
    assert at_a_glance(beyond).page == some_miners(replace(beyond, offset=8), NOW)
    assert at_a_glance(replace(beyond, search="nobody")).page == ([], 0)


@pytest.mark.usefixtures("fleet")
def test_the_rest_is_what_each_reader_says() -> None:
    found = at_a_glance()
    assert found.fleet == fleet_now(NOW)
    assert found.main_site == main_site_now()
    assert found.sites == site_prices(NOW.date(), NOW)
    first = some_miners(Asked(limit=MOST_URGENT), NOW)[0]
    assert found.urgent == [miner for miner in first if condition_of(miner, NOW) not in WELL]
    assert 0 < len(found.urgent) < len(first)
    assert [(hot.name, hot.temperature_c, hot.limit_c) for hot in found.hot] == [
        ("rig-3", 75.0, 70.0),
        ("rig-0", 71.5, 70.0),
    ]


def test_without_anything_every_part_is_empty() -> None:
    found = at_a_glance()
    assert (found.page, found.lines, found.urgent, found.hot) == (([], 0), [], [], [])
    assert (found.fleet.size, found.main_site, found.beats, found.hours) == (0, None, {}, [])
