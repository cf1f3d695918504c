"""Two miners, three days of rows in March, prices, all of it packed and rolled up; it is July."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from energy.models import Tariff
from metrics.engine.run import run
from metrics.models import Metric
from miners.models import Miner, Site, Telemetry
from miners.telemetry.packed.dropping import days_before, drop_day
from miners.telemetry.packed.store import pack
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import epoch, store_prices, store_rows

JULY = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAYS = 3


class Farm(NamedTuple):
    """What there is."""

    tariff: Tariff
    site: Site
    miners: list[Miner]
    rows: list[Row]


def prices(pence: float) -> list[Price]:
    """Return a price for each half-hour of the days, that many pence and a little."""
    begin = epoch("2026-03-01T23:00")
    return [Price(begin + n * 1800, begin + (n + 1) * 1800, pence + n % 5) for n in range(48 * (DAYS + 1))]


@pytest.fixture
def farm(db: None) -> Farm:
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    miners = [MinerFactory(site=site), MinerFactory(site=site)]
    begin = epoch("2026-03-02T00:05")
    rows = [
        Row(m.pk, begin + n * 900, begin + (n + 1) * 900, 3000.0 + n % 7, 100_000.0 + n % 11, 60.5, n % 3, 0)
        for m in miners
        for n in range(DAYS * 96)
    ]
    store_prices(tariff, prices(20))
    store_rows(rows, now=JULY)
    pack_all()
    run(JULY)
    return Farm(tariff, site, miners, rows)


def pack_all() -> None:
    for miner_id, day in {(t.miner_id, t.timestamp.date()) for t in Telemetry.objects.all()}:
        pack([miner_id], day)


def drop_before(day: int) -> int:
    """Drop the telemetry of March before this day; return the rows."""
    return sum(map(drop_day, days_before(datetime(2026, 3, day, tzinfo=UTC).date())))


def figures(*periods: str) -> dict[Any, Any]:
    """Return every figure of these periods, of all where none is named."""
    found = Metric.objects.filter(period__in=periods) if periods else Metric.objects.all()
    return {(m.entity_type, m.entity_id, m.period, m.timestamp, m.metric_type): m.value_json for m in found}


def assert_alike(found: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Compare figures, to 1e-9."""
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == {
            k: v if isinstance(v, str) or v is None else pytest.approx(v, rel=1e-9, abs=1e-9)
            for k, v in values.items()
        }, key


A_DAY = timedelta(days=1)
