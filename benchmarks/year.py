"""A house with a year of figures: the last week is computed from telemetry, the weeks before are made of its hours.

A year of rows of 100 miners would be 105 million. So the hours of the weeks before are those of the last one, written
straight into the store, each so many weeks earlier, and so are the days of the percentiles. What is longer the engine
merges from them as it always does. Left out are the half-hour slots and the hourly sketches of the weeks before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from benchmarks import dataset
from energy.models import PriceSlot, Tariff
from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import Bucket
from hmm.models import Heartbeat
from metrics.engine.farm import read_farm
from metrics.engine.grid import grid
from metrics.engine.merge import merge_longer
from metrics.engine.run import clean, fill
from metrics.sketches.write import write_sketches
from metrics.store.columns import NAMES
from metrics.store.kept import Batch
from metrics.store.partitions import ensure_partitions
from miners.models import Miner, MinerState
from pools.models import CoinPrice, NetworkState, Pool, PoolReading

A_WEEK = timedelta(weeks=1)
EARLIER_WEEKS = 51
END = dataset.START + A_WEEK
"""The end of the week that the others are made of."""

NOW = END + timedelta(hours=13, minutes=50, seconds=10)
"""In the afternoon of the day after: today and yesterday have figures."""

FIRST = dataset.START - EARLIER_WEEKS * A_WEEK
A_CHECK = timedelta(minutes=5)

# Hours go back by whole weeks, days by the calendar: in winter they begin an hour later.
HOURS = f"""
INSERT INTO metrics_rollup (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES})
SELECT entity_type, entity_id, period, timestamp - n * interval '168 hours', computed_at, elapsed_s, miner_count, {NAMES}
FROM metrics_rollup CROSS JOIN generate_series(1, %(weeks)s) n
WHERE period = 'hourly' AND entity_type <> 'pool' AND timestamp >= %(start)s AND timestamp < %(end)s
"""
SKETCHED_DAYS = """
INSERT INTO metrics_sketch (entity_type, entity_id, period, timestamp, buckets, seconds)
SELECT entity_type, entity_id, period,
    (timestamp AT TIME ZONE 'Europe/London' - n * interval '7 days') AT TIME ZONE 'Europe/London', buckets, seconds
FROM metrics_sketch CROSS JOIN generate_series(1, %(weeks)s) n
WHERE period = 'daily' AND timestamp >= %(start)s AND timestamp < %(end)s
"""


def house(miners: int) -> list[int]:
    """Fill the empty database with so many miners and their year up to NOW; return the miners' ids."""
    ids = dataset.make(miners, days=8)
    Miner.objects.filter(pk__in=ids).update(
        host="192.0.2.1", state=MinerState.ONLINE, state_since=dataset.START, enabled=True
    )
    _end_at_now(ids)
    _prices()
    _pools()
    Heartbeat.objects.bulk_create([Heartbeat(service=name, at=NOW) for name in ("collector", "worker")])
    ensure_partitions(FIRST - timedelta(days=1), NOW)
    mark_miners_dirty(ids, dataset.START, NOW)
    fill(NOW)
    clean(NOW)
    _year(ids)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return ids


def empty() -> None:
    """Leave nothing of the house, so that there is room for another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE telemetry, metrics_rollup, metrics_sketch, metrics_watermark, hmm_dirtyrange, hmm_heartbeat,"
            " miners_miner, pools_pool, pools_coinprice, pools_networkstate CASCADE"
        )


def _end_at_now(ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry WHERE timestamp > %s", [NOW])
        cursor.execute("DELETE FROM miners_latestreading")
        cursor.execute(dataset.LATEST, {"miners": ids})


def _prices() -> None:
    """Have the tariff known since FIRST, and until the evening after NOW."""
    tariff = Tariff.objects.latest("pk")
    half_hour = timedelta(minutes=30)
    known = (dataset.START - FIRST) // half_hour
    PriceSlot.objects.bulk_create(
        PriceSlot(
            tariff=tariff,
            start=FIRST + n * half_hour,
            end=FIRST + (n + 1) * half_hour,
            pence_per_kwh=(n - known) % 40 - 3,
        )
        for n in range(known)
    )
    Tariff.objects.filter(pk=tariff.pk).update(active=True)


def _pools() -> None:
    """Have three pools checked each five minutes of the week, and a coin known for the year."""
    hour = timedelta(hours=1)
    for n in range(3):
        pool = Pool.objects.create(name=f"pool {n}", client="ckpool")
        PoolReading.objects.bulk_create(
            PoolReading(
                pool=pool,
                timestamp=dataset.START + k * A_CHECK,
                covered_s=int(A_CHECK.total_seconds()),
                reachable=k % 97 > 0,
                response_time_ms=40.0 + k % 30,
                accepted=k % 9,
                rejected=k % 89 == 0,
            )
            for k in range(1, (NOW - dataset.START) // A_CHECK)
        )
    NetworkState.objects.bulk_create(
        NetworkState(timestamp=FIRST + n * A_WEEK, difficulty=1e14, subsidy=3.125, height=850_000 + n)
        for n in range(EARLIER_WEEKS + 2)
    )
    CoinPrice.objects.bulk_create(
        CoinPrice(coin="BTC", currency="GBP", timestamp=FIRST + n * hour, price=70_000 + n % 99, source="x")
        for n in range((NOW - FIRST) // hour)
    )


def _year(ids: Sequence[int]) -> None:
    """Make the weeks before, of all miners, the site and the system."""
    cut = grid(NOW)
    farm = read_farm(cut.zone)
    spans = farm.spans(FIRST, NOW)
    params = {"weeks": EARLIER_WEEKS, "start": dataset.START, "end": END}
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(HOURS, params)
        cursor.execute(SKETCHED_DAYS, params)
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
        batch = Batch()
        for period in ("daily", "weekly", "monthly"):
            found = _before(period, dataset.START)
            if period != "daily":
                write_sketches(period, found, ids, spans, cut, everyone=True, batch=batch)
            merge_longer(period, found, ids, spans, farm.standing, cut, NOW, everyone=True, batch=batch)
        batch.sent()


def _before(period: str, end: datetime) -> list[Bucket]:
    """Return the buckets that overlap [FIRST, end)."""
    return [b for b in grid(NOW).buckets(period, FIRST, end) if b.end <= grid(NOW).last_boundary(period, NOW)]
