"""A fleet that has reported, and prices, for tests of pages: written as the collector and the fetcher write."""

from datetime import datetime, timedelta

from energy.models import PriceSlot, Tariff
from miners.models import Miner, MinerState, Site
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory

TEN_MINUTES = timedelta(minutes=10)


def working_miners(count: int, now: datetime, hours: int = 1, first: int = 1) -> list[Miner]:
    """Return miners at the site Home that have hashed for some hours, up to `now`; they are numbered from `first`."""
    home = Site.objects.get(pk=1)
    miners = [
        MinerFactory(
            name=f"gamma-{n}",
            site=home,
            host="192.0.2.1",
            state=MinerState.ONLINE,
            state_since=now - timedelta(hours=hours),
        )
        for n in range(first, first + count)
    ]
    for miner in miners:
        report(miner, now, rows=6 * hours)
    return miners


def report(miner: Miner, now: datetime, *, rows: int = 1, hashrate_ghs: float = 1_200.0) -> None:
    """Have a miner tell what it did during the last `rows` × ten minutes, at 18 W."""
    write_rows(
        [
            TelemetryRow(
                miner_id=miner.pk,
                timestamp=now - n * TEN_MINUTES,
                covered_s=600,
                power_w=18.0,
                hashrate_ghs=hashrate_ghs,
                temperature_c=58.0,
                accepted=199,
                rejected=1,
            )
            for n in reversed(range(rows))
        ],
        source="collector",
        now=now,
    )


def publish(pence: list[float], first: datetime) -> None:
    """Give the tariff of Home half-hour prices from `first` on."""
    tariff = Tariff.objects.get(pk=1)
    PriceSlot.objects.bulk_create(
        PriceSlot(
            tariff=tariff,
            start=first + n * timedelta(minutes=30),
            end=first + (n + 1) * timedelta(minutes=30),
            pence_per_kwh=value,
        )
        for n, value in enumerate(pence)
    )
