"""The number of queries does not grow with the fleet."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from miners.models import Site
from tests.factories import MinerFactory, PriceSlotFactory, TariffFactory
from tests.metrics.api.conftest import NOW, Ask, compute, hourly, results, tell

HOUR = timedelta(hours=1)


def _asked(ask: Ask, *address: str, **query: object) -> int:
    ask(*address, **query)  # what has changed is read once
    with CaptureQueriesContext(connection) as queries:
        assert results(ask(*address, **query))
    return len(queries)


@pytest.mark.parametrize("entity", [{}, {"entity_type": "miner"}, {"entity_type": "system"}])
def test_metrics(ask: Ask, site: Site, entity: dict[str, str]) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            tell(MinerFactory(site=site), NOW - 2 * HOUR, NOW)
        compute()

    grow(1)
    ask(**hourly())  # notes the use of the token
    alone = _asked(ask, **hourly(**entity))
    grow(7)
    assert _asked(ask, **hourly(**entity)) == alone <= 7


def test_prices(ask: Ask, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    tariff = TariffFactory()
    PriceSlotFactory.create_batch(60, tariff=tariff)
    query = {"tariff": tariff.pk, "from": "2025-01-01", "to": "2027-01-01", "limit": 50}
    ask("prices", **query)
    with django_assert_num_queries(3):
        ask("prices", **query)
