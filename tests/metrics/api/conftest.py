"""A small fleet with figures, a clock that stands still, and a program that reads them with a token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from metrics.engine.run import run
from metrics.models.token import create_token
from miners.models import Miner, Site
from miners.telemetry import partitions
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, PriceSlotFactory, SiteFactory

NOW = datetime(2025, 6, 11, 12, 50, tzinfo=UTC)
"""A Wednesday, 13:50 in London."""

Ask = Callable[..., HttpResponse]


@pytest.fixture(autouse=True)
def _forget_partitions() -> None:
    partitions.forget_known_days()


@pytest.fixture(autouse=True)
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Stop the clock at NOW; the fixture's value moves it."""

    def stop(at: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: at)

    stop(NOW)
    return stop


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory(name="Barn")


@pytest.fixture
def miner(site: Site) -> Miner:
    return MinerFactory(name="bench", site=site)


@pytest.fixture
def token(db: None) -> str:
    return create_token("a program")


@pytest.fixture
def ask(client: Client, token: str) -> Ask:
    """Ask an address of the API, such as "metrics", as a program with a token."""

    def get(address: str = "metrics", **query: Any) -> HttpResponse:
        return client.get(f"/api/{address}", query, headers={"Authorization": f"Bearer {token}"})

    return get


def hourly(**query: Any) -> dict[str, Any]:
    """Return the parameters of a query of hourly energy."""
    return {"type": "energy_cost", "period": "hourly", **query}


def tell(miner: Miner, start: datetime, end: datetime, *, every_s: int = 1800, now: datetime = NOW) -> None:
    """Have `miner` draw 3 kW in all of [start, end), and tell so `every_s` seconds; nothing is computed yet."""
    step = timedelta(seconds=every_s)
    times = [start + n * step for n in range(1, (end - start) // step + 1)]
    rows = [TelemetryRow(miner.pk, at, every_s, power_w=3000.0, hashrate_ghs=100_000.0) for at in times]
    write_rows(rows, source="collector", now=now)


def price(site: Site, start: datetime, end: datetime, pence_per_kwh: float = 20.0) -> None:
    """Give the site's tariff one price in all of [start, end), slot by slot."""
    tariff = site.tariffs.get().tariff
    for n in range((end - start) // timedelta(minutes=30)):
        at = start + n * timedelta(minutes=30)
        PriceSlotFactory(tariff=tariff, start=at, end=at + timedelta(minutes=30), pence_per_kwh=pence_per_kwh)


def compute(now: datetime = NOW) -> None:
    """Compute all that is closed at `now`."""
    run(now)


def results(response: HttpResponse) -> list[dict[str, Any]]:
    """Return the results of an answer that must be one."""
    assert response.status_code == 200, response.content
    return response.json()["results"]


def walk(ask: Ask, address: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Return every page of a query, following the cursors."""
    pages, cursor = [], {}
    while cursor is not None:
        answer = ask(address, **query, **cursor)
        pages.append(results(answer))
        cursor = {"cursor": answer.json()["next"]} if answer.json()["next"] else None
        assert len(pages) < 500, "the cursors go in a circle"
    return pages
