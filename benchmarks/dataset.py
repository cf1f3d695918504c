"""Data set W: 100 miners × 7 days × 30 s = 2,016,000 rows and 336 prices, the same for every run."""

from datetime import UTC, datetime, timedelta

from django.db import connection

from energy.models import PriceSlot, Tariff
from miners.models import Miner, MinerSite, Site, SiteTariff
from miners.telemetry.partitions import ensure_partitions

START = datetime(2025, 5, 31, 23, tzinfo=UTC)  # midnight in London
DAYS = 7
END = START + timedelta(days=DAYS)
CADENCE_S = 30

FILL = """
INSERT INTO telemetry (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected)
SELECT m.id, %(start)s::timestamptz + make_interval(secs => %(cadence)s * g + m.id %% %(cadence)s), %(cadence)s,
       3000 + random() * 200, 110000 + random() * 5000, 55 + random() * 20, 4000 + (random() * 500)::int,
       (random() * 5)::int, (random() < 0.02)::int
FROM generate_series(1, %(rows)s) g, miners_miner m WHERE m.id = ANY(%(miners)s)
"""

LATEST = """
INSERT INTO miners_latestreading (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
    mode, firmware, pool_url, pool_user, warnings)
SELECT m.id, t.timestamp, t.covered_s, t.power_w, t.hashrate_ghs, t.temperature_c, t.fan_rpm, '', '', '', '', '[]'
FROM unnest(%(miners)s) AS m(id) CROSS JOIN LATERAL (
    SELECT * FROM telemetry WHERE miner_id = m.id ORDER BY timestamp DESC LIMIT 1
) t
"""


def make(miners: int = 100, days: int = DAYS, name: str = "") -> list[int]:
    """Fill the database with the data set; return the miners' ids. Two of one size are told apart by `name`."""
    label = f"{name or 'bench'}-{miners}"
    site = Site.objects.create(name=label)
    tariff = Tariff.objects.create(name=label, provider="fixed", fixed_pence_per_kwh=20, active=False)
    SiteTariff.objects.create(site=site, tariff=tariff)
    made = Miner.objects.bulk_create([Miner(name=f"{label}-{n}", site=site) for n in range(miners)])
    MinerSite.objects.bulk_create([MinerSite(miner=m, site=site) for m in made])
    PriceSlot.objects.bulk_create(_prices(tariff, days))
    ids = [m.pk for m in made]
    fill(ids, days)
    with connection.cursor() as cursor:
        cursor.execute(LATEST, {"miners": ids})
        cursor.execute("ANALYZE")
    return ids


def fill(ids: list[int], days: int, start: datetime = START) -> None:
    """Store `days` days of rows of these miners, from `start` on, and nothing of what comes of them."""
    ensure_partitions(start, start + timedelta(days=days, hours=1))
    rows = days * 86400 // CADENCE_S
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(FILL, {"start": start, "cadence": CADENCE_S, "rows": rows, "miners": ids})


def _prices(tariff: Tariff, days: int) -> list[PriceSlot]:
    half_hour = timedelta(minutes=30)
    return [
        PriceSlot(
            tariff=tariff,
            start=START + n * half_hour,
            end=START + (n + 1) * half_hour,
            pence_per_kwh=n % 40 - 3,
        )
        for n in range(days * 48)
    ]
