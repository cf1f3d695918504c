"""GET /api/prices: a tariff's prices."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy.models import Tariff
from tests.factories import PriceSlotFactory, TariffFactory
from tests.metrics.api.conftest import NOW, Ask, results, walk

SLOT = timedelta(minutes=30)
MIDNIGHT = datetime(2025, 6, 10, 23, tzinfo=UTC)
"""When the local day of NOW begins."""


@pytest.fixture
def tariff(db: None) -> Tariff:
    """A tariff with prices of three local days, the last of them tomorrow: 0, 1, 2, … pence minus 20."""
    tariff = TariffFactory()
    for n in range(3 * 48):
        start = MIDNIGHT + (n - 48) * SLOT
        PriceSlotFactory(tariff=tariff, start=start, end=start + SLOT, pence_per_kwh=n - 20.0)
    return tariff


def test_prices_of_a_day_oldest_first_in_local_time(ask: Ask, tariff: Tariff) -> None:
    found = results(ask("prices", tariff=tariff.pk, **{"from": "2025-06-10", "to": "2025-06-10"}))
    assert len(found) == 48
    assert found[0] == {
        "start": "2025-06-10T00:00:00+01:00",
        "end": "2025-06-10T00:30:00+01:00",
        "pence_per_kwh": -20.0,
    }
    assert [row["pence_per_kwh"] for row in found] == [n - 20.0 for n in range(48)]


def test_slot_that_runs_into_the_range_belongs_to_it(ask: Ask, tariff: Tariff) -> None:
    found = results(
        ask("prices", tariff=tariff.pk, **{"from": "2025-06-10T09:10Z", "to": "2025-06-10T09:30Z"})
    )
    assert [row["start"] for row in found] == ["2025-06-10T10:00:00+01:00"]


def test_without_a_range_from_a_day_ago_to_the_last_known(ask: Ask, tariff: Tariff) -> None:
    found = results(ask("prices", tariff=tariff.pk, limit=1000))
    assert found[0]["start"] == "2025-06-10T13:30:00+01:00"
    assert found[-1]["end"] == "2025-06-13T00:00:00+01:00"
    assert datetime.fromisoformat(found[0]["end"]) > NOW - timedelta(days=1)


def test_other_tariffs_stay_out(ask: Ask, tariff: Tariff) -> None:
    PriceSlotFactory(tariff=TariffFactory(), start=MIDNIGHT, end=MIDNIGHT + SLOT, pence_per_kwh=99.0)
    found = results(ask("prices", tariff=tariff.pk, limit=1000, **{"from": "2025-06-10"}))
    assert [row["pence_per_kwh"] for row in found] == [n - 20.0 for n in range(144)]


def test_tariff_without_prices_has_none(ask: Ask) -> None:
    assert ask("prices", tariff=TariffFactory().pk).json() == {"results": [], "next": None}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(5, 150))
def test_pages_are_the_whole(ask: Ask, tariff: Tariff, limit: int) -> None:
    query = {"tariff": tariff.pk, "from": "2025-06-10T00:10:00+01:00"}
    whole = results(ask("prices", limit=1000, **query))
    assert len(whole) == 144
    assert list(chain.from_iterable(walk(ask, "prices", limit=limit, **query))) == whole


def test_cursor_of_metrics_is_no_cursor_of_prices(ask: Ask, tariff: Tariff) -> None:
    cursor = ask("prices", tariff=tariff.pk, limit=1).json()["next"]
    assert ask("metrics", type="energy_cost", period="hourly", cursor=cursor).status_code == 422
    assert ask("prices", tariff=TariffFactory().pk, cursor=cursor).status_code == 422
