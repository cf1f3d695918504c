"""Every page takes the same number of queries, however many miners there are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.models.token import create_token
from tests.metrics.fleet_at_work import publish, working_miners

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)

PAGES = [
    "/",
    "/blocks/fleet-summary",
    "/blocks/fleet-attention",
    "/blocks/fleet-yesterday",
    "/blocks/fleet-vitals",
    "/blocks/price-bars",
    "/blocks/miner-table",
    "/blocks/miner-table?sort=hashrate&order=desc",
    "/blocks/miner-table?q=gamma&page=1",
    "/pools",
    "/prices",
    "/ledger?day=2026-06-01&of=together",
    "/analytics?view=series&from=2026-05-30&to=2026-06-01&compare=1",
    "/analytics?view=ranking&from=2026-05-30&to=2026-06-01",
    "/analytics?view=bands&from=2026-05-30&to=2026-06-01",
    "/explain?type=energy_cost&key=total_kwh&entity_type=system&period=daily&at=2026-05-31T23:00Z",
    "/welcome",
    "/discovery",
    "/system",
    "/retention",
    "/strategies/ranking",
    "/admin/miners/miner/",
    "/admin/miners/latestreading/",
    "/admin/miners/site/",
    "/api/metrics?type=energy_cost&period=daily&entity_type=system&days=7",
    "/api/metrics?type=hashrate&period=hourly&days=1",
    "/api/metrics/latest?type=hashrate",
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    monkeypatch.setattr("miners.views.discovery.own_network", lambda: None)  # tests know none
    call_command("seed_strategies", verbosity=0)
    publish([18.4, 20.0], NOW.replace(minute=0))
    client = Client(headers={"authorization": f"Bearer {create_token('test')}"})
    client.force_login(User.objects.create_superuser("boss"), "django.contrib.auth.backends.ModelBackend")
    return client


def queries_of(page: str, visitor: Client) -> list[dict[str, Any]]:
    """Return the queries of the page, once what it shows has been computed, but that of the installation each 5 s."""
    for _ in range(2):
        assert visitor.get(page).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        visitor.get(page)
    return [query for query in captured if not query["sql"].startswith('SELECT "hmm_installation"')]


def test_no_page_takes_more_queries_for_more_miners(visitor: Client) -> None:
    working_miners(3, NOW)
    few = {page: len(queries_of(page, visitor)) for page in PAGES}
    working_miners(27, NOW, first=4)
    assert {page: len(queries_of(page, visitor)) for page in PAGES} == few
