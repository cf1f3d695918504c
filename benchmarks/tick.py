"""What a tick of the collector costs: one batch of readings, from what the drivers gave to its commit."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from benchmarks.measure import measure
from miners.collector.poll import Outcome, Target
from miners.collector.record import record
from miners.drivers.base import Reading
from miners.models import Miner

INTERVAL_S = 30

BARE = """
CREATE TEMPORARY TABLE IF NOT EXISTS bare (LIKE telemetry, PRIMARY KEY (miner_id, timestamp));
CREATE TEMPORARY TABLE IF NOT EXISTS bare_latest (LIKE miners_latestreading, PRIMARY KEY (miner_id)) WITH (fillfactor = 40);
TRUNCATE bare_latest;
INSERT INTO bare_latest SELECT * FROM miners_latestreading WHERE miner_id = ANY(%(ids)s);
"""

FLOOR = """
WITH given AS MATERIALIZED (SELECT miner_id FROM unnest(%(ids)s::int4[]) AS miner_id),
     stored AS (INSERT INTO bare SELECT miner_id, 30, clock_timestamp(), 1.5, 2.5, 3.5, 4, 5, 6 FROM given)
UPDATE bare_latest l SET timestamp = now(), power_w = 1.5 FROM given WHERE l.miner_id = given.miner_id
"""
"""The least that a tick can be: as many rows into a bare table with the same key, and as many rows changed."""


def targets(ids: Sequence[int]) -> list[Target]:
    """Return what the collector polls, of these miners."""
    rows = Miner.objects.filter(pk__in=ids).values_list("pk", "name", "host", "port", "driver", "identity")
    return [Target(*row, INTERVAL_S) for row in rows]


def outcomes(polled: Sequence[Target], at: datetime, turn: int) -> list[Outcome]:
    """Return what a fleet at work says in its `turn`: no two figures alike, counters that go up."""
    chance = random.Random(turn)
    return [
        Outcome(one, at + timedelta(milliseconds=n % 5000), _reading(turn, chance))
        for n, one in enumerate(polled)
    ]


def _reading(turn: int, chance: random.Random) -> Reading:
    return Reading(
        "cgminer",
        "Avalon Q",
        "25052801_14a19a2",
        hashrate_ghs=chance.uniform(85_000, 95_000),
        power_w=chance.uniform(1600, 1700),
        temperature_c=chance.uniform(60, 75),
        fan_rpm=chance.randrange(2000, 3000),
        accepted=40 * turn + chance.randrange(20),
        rejected=turn // 5,
        uptime_s=INTERVAL_S * turn,
        pool_url="stratum+tcp://public-pool.io:21496",
        pool_user="bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.worker",
        mode="standard",
    )


def batches(ids: Sequence[int], start: datetime) -> Iterator[list[Outcome]]:
    """Yield one turn of the fleet after another."""
    polled = targets(ids)
    turn = 0
    while True:
        yield outcomes(polled, start + timedelta(seconds=INTERVAL_S * turn), turn)
        turn += 1


def tick(ids: Sequence[int], start: datetime, times: int = 21) -> float:
    """Measure the tick of these miners; the first two, which learn drivers and states, do not count."""
    turns = batches(ids, start)
    batch: list[Outcome] = []

    def prepare() -> None:
        batch[:] = next(turns)

    def write() -> None:
        record(batch, batch[-1].at)

    for _ in range(2):
        prepare()
        write()
    with connection.cursor() as cursor:
        cursor.execute(BARE, {"ids": list(ids)})

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FLOOR, {"ids": list(ids)})

    return measure(f"a tick of {len(ids):,} miners", write, times, prepare, bare)
