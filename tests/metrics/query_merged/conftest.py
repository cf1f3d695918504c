"""Two miners over the days around a clock change and the end of a month, and what is asked of them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from metrics.engine.grid import grid
from metrics.engine.run import run
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row, clipped, figures
from tests.metrics.store_helpers import NOW, at, epoch, store_prices, store_rows, use_zone

HOUR = timedelta(hours=1)
LONDON = ZoneInfo("Europe/London")
BEGIN = "2025-03-28T00:00"
"""Two days before London's clocks change, three before the month ends."""

HOURS = 24 * 6


@pytest.fixture
def farm():
    use_zone("Europe/London")
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, site, [MinerFactory(site=site), MinerFactory(site=site)]


def rows_of(miners, told):
    unique = {(which, minute): rest for which, minute, *rest in told}
    return [
        Row(
            miners[which].pk,
            epoch(BEGIN) + minute * 60 - covered,
            epoch(BEGIN) + minute * 60,
            power,
            speed,
            heat,
            found,
            0,
        )
        for (which, minute), (covered, power, speed, heat, found) in unique.items()
    ]


def hourly_prices():
    begin = epoch(BEGIN)
    return [
        Price(begin + h * 3600, begin + h * 3600 + 3600, h % 40 - 5.0) for h in range(0, HOURS, 1) if h % 7
    ]


def expected_of(rows, prices, kind, pk, start_s, end_s):
    own = [r for r in clipped(rows) if kind != "miner" or r.miner == pk]
    return figures(own, prices, start_s, end_s, kind) or {}


def whole(period, start, end, now):
    """Return the first and last second of the buckets of `period` that begin in [start, end), up to `now`."""
    found = [b for b in grid(NOW).buckets(period, start, end) if b.start >= start]
    if not found:
        return 0, 0
    return epoch_of(found[0].start), min(epoch_of(found[-1].end), int(now.timestamp()))


def epoch_of(instant):
    return int(instant.timestamp())


@pytest.fixture
def week(farm):
    """Six days of a row a quarter of an hour, computed."""
    tariff, site, miners = farm
    prices = hourly_prices()
    store_prices(tariff, prices)
    rows = [
        Row(m.pk, epoch(BEGIN) + n * 900, epoch(BEGIN) + n * 900 + 900, 1000.0 + n + i, 500.0 + n % 9, 50.0 + n % 7, n % 5, n % 2)
        for i, m in enumerate(miners)
        for n in range(HOURS * 4)
    ]  # fmt: skip
    store_rows(rows)
    run(NOW)
    return site, miners, rows, prices


def ask(**change):
    return {
        "metric_type": "energy_cost",
        "period": "daily",
        "start": at("2025-03-28T00:00"),
        "end": at("2025-04-02T23:00"),
        "entity_type": "system",
        "now": NOW,
    } | change
