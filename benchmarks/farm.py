"""A farm beside a house: every page of 6,000 miners and of 100 in turn, and the farm's hourly job.

The two are in databases of their own, with the same prices and the same clock. It stands still 25 minutes into a slot,
when the open slot is nearly as long as it gets, and in the afternoon, when the day has many hours.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DEFAULT_DB_ALIAS
from django.test import Client
from django.utils import timezone

from benchmarks import dataset
from benchmarks.measure import DatabaseClock, measure
from energy.models import PriceSlot, Tariff
from hmm.dirty import mark_miners_dirty
from metrics.engine.grid import grid
from metrics.engine.marks import boundaries, move_marks
from metrics.engine.run import clean, fill, run
from metrics.models import Watermark
from metrics.models.token import create_token
from metrics.store.partitions import ensure_partitions as ensure_store
from miners.models import Miner, MinerState
from miners.telemetry.partitions import ensure_partitions

HOUSE, FARM = 100, 6000
NOW = (timezone.now() - timedelta(days=1)).replace(hour=13, minute=25, second=10, microsecond=0)
HOURS = 3
BEGINNING = NOW.replace(minute=0, second=0) - timedelta(hours=HOURS)
"""Since then there is telemetry; of the day before that, hours alone."""

PAGES = (
    "/",
    "/blocks/fleet-summary",
    "/blocks/fleet-attention",
    "/blocks/fleet-yesterday",
    "/blocks/fleet-vitals",
    "/blocks/price-bars",
    "/blocks/miner-table",
    "/blocks/miner-table?sort=hashrate&order=desc",
    "/blocks/miner-table?q=farm&page=2",
    "/analytics",
    "/ledger",
    "/prices",
    "/pools",
    "/system",
    "/retention",
    "/discovery",
    "/strategies/ranking",
    "/admin/miners/miner/",
    "/api/metrics?type=energy_cost&period=daily&entity_type=system&days=7",
    "/api/metrics?type=hashrate&period=hourly&days=1",
    "/api/metrics/latest?type=hashrate",
    "/api/metrics/latest?type=energy_cost&period=daily&entity_type=site",
)

LIVE_PAGES = ("/", "/blocks/fleet-summary", "/blocks/fleet-vitals", "/ledger")
A_LOOK = timedelta(seconds=11)
"""How much later each is asked for again while telemetry comes: after the sums of the open slot are too old."""

# In the order of time, as a collector stores them.
ROWS = """
INSERT INTO telemetry (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected)
SELECT m.id, %(start)s::timestamptz + make_interval(secs => g * %(cadence_s)s + m.id %% %(cadence_s)s), %(cadence_s)s,
       3000 + random() * 200, 110000 + random() * 5000, 55 + random() * 20, 4000 + (random() * 500)::int,
       (random() * 5)::int, (random() < 0.02)::int
FROM generate_series(1, %(rows)s) g, unnest(%(miners)s) m (id) ORDER BY 2, 1
"""

EARLIER_HOURS = """
INSERT INTO metrics_rollup
SELECT copy.* FROM metrics_rollup r CROSS JOIN generate_series(1, %(hours)s) h CROSS JOIN LATERAL
    jsonb_populate_record(r, jsonb_build_object('timestamp', r.timestamp - h * interval '1 hour')) copy
WHERE r.period = 'hourly' AND r.timestamp = %(first)s
"""


@dataclass
class Fleet:
    """A database with so many miners, and who looks at its pages."""

    size: int
    database: BaseDatabaseWrapper
    clients: dict[str, Client] = field(default_factory=dict)

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """Have everything go to this database."""
        before = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self.database
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = before

    def prepare(self) -> None:
        """Fill the database, compute all but the open slot, and let somebody in."""
        with self.chosen():
            fill_database(self.size)
            owner = User.objects.create_superuser("bench")
            token = create_token("bench")
        self.let_in(owner, token)

    def let_in(self, owner: User, token: str) -> None:
        """Make the clients of the pages and of the API."""
        with self.chosen():
            page = Client(SERVER_NAME="localhost")
            page.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
        api = Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {token}"})
        self.clients = {"/": page, "/api/": api}

    def get(self, page: str) -> tuple[float, DatabaseClock]:
        """Return how long the page took, in seconds, and the clock of what of it was in the database."""
        client = self.clients["/api/" if page.startswith("/api/") else "/"]
        with self.chosen(), connection.execute_wrapper(clock := DatabaseClock()):
            started = time.perf_counter()
            response = client.get(page)
            took = time.perf_counter() - started
        assert response.status_code == 200, (page, response.status_code, response.content[:500])
        return took, clock


def fill_database(size: int) -> None:
    """Store the telemetry of so many miners up to NOW, and all that closed periods have of it."""
    ids = dataset.make(size, days=0, name="farm")
    Miner.objects.filter(pk__in=ids).update(
        host="192.0.2.1", state=MinerState.ONLINE, state_since=BEGINNING, enabled=True
    )
    PriceSlot.objects.bulk_create(_prices(Tariff.objects.latest("pk")))
    ensure_partitions(BEGINNING, NOW)
    ensure_store(BEGINNING - timedelta(days=1), NOW)
    call_command(
        "seed_strategies", site_id=Miner.objects.get(pk=ids[0]).site_id, verbosity=0, stdout=StringIO()
    )
    rows = int((NOW - BEGINNING).total_seconds()) // dataset.CADENCE_S - 1
    params: dict[str, Any] = {"start": BEGINNING, "cadence_s": dataset.CADENCE_S, "rows": rows, "miners": ids}
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(ROWS, params)
        cursor.execute(dataset.LATEST, {"miners": ids})
        cursor.execute("ANALYZE")
        mark_miners_dirty(ids, BEGINNING, NOW.replace(minute=0, second=0))
        fill(NOW)
        clean(NOW)
        cursor.execute(EARLIER_HOURS, {"hours": NOW.hour - HOURS, "first": BEGINNING})
        cursor.execute("VACUUM ANALYZE")


def _prices(tariff: Tariff) -> list[PriceSlot]:
    """Return half-hour prices of two days before NOW and two after."""
    half_hour = timedelta(minutes=30)
    first = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=2)
    return [
        PriceSlot(
            tariff=tariff,
            start=first + n * half_hour,
            end=first + (n + 1) * half_hour,
            pence_per_kwh=n % 40 - 3,
        )
        for n in range(4 * 48)
    ]


def pages(fleets: tuple[Fleet, Fleet], times: int) -> None:
    """Print for each page the medians of both fleets, taken in turn, their ratio, and the queries."""
    print(f"{'':66} {HOUSE:>6} miners {FARM:>8,} miners   ratio  queries")
    clock = Clock(NOW)
    with patch("django.utils.timezone.now", clock):
        for page in PAGES:
            _compare(page, fleets, times)
        print(
            "The same, each time after readings of a sixth of the miners, so that the open slot is summed anew:"
        )
        for page in LIVE_PAGES:
            _compare(page, fleets, times, tell, clock)


@dataclass
class Clock:
    """Stands still unless it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def tell() -> None:
    """Mark what a few seconds' readings would: all that the last whole and the running block of five minutes say."""
    block = NOW.replace(minute=NOW.minute // 5 * 5, second=0)
    ids = list(Miner.objects.filter(name__startswith="farm").values_list("pk", flat=True))
    mark_miners_dirty(ids[::6], block - timedelta(minutes=5), block + timedelta(minutes=5))


def _compare(
    page: str,
    fleets: tuple[Fleet, Fleet],
    times: int,
    before: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> None:
    taken: list[list[tuple[float, DatabaseClock]]] = [[], []]
    for round_no in range(times + 2):  # two to get warm
        if clock:
            clock.now += A_LOOK
        for fleet, found in zip(fleets, taken, strict=True):
            with fleet.chosen():
                before()
            got = fleet.get(page)
            found += [got] if round_no > 1 else []
    few_ms, many_ms = (1e3 * statistics.median(took for took, _ in found) for found in taken)
    database_ms = 1e3 * statistics.median(clock.seconds for _, clock in taken[1])
    queries = "/".join(str(found[-1][1].statements) for found in taken)
    print(
        f"{page:66} {few_ms:10.1f} ms {many_ms:12.1f} ms  × {many_ms / few_ms:5.2f}  {queries}"
        f"  ({database_ms:.1f} ms in the database)"
    )


def hourly(fleet: Fleet, times: int) -> None:
    """Print how long the job of XX:05 takes for the farm."""
    hour = BEGINNING + timedelta(hours=1)
    with fleet.chosen():
        saved = list(Watermark.objects.all())
        measure(
            f"the hourly job, {fleet.size:,} miners × 120 rows",
            lambda: run(hour + timedelta(hours=1, minutes=5), "hourly"),
            times,
            lambda: forget_hour(hour),
        )
        for mark in saved:
            mark.save()


def forget_hour(hour: datetime) -> None:
    """Have the store end at `hour`, as it did then."""
    move_marks(boundaries(grid(NOW), hour))
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_rollup WHERE period IN ('slot', 'hourly') AND timestamp >= %s AND timestamp < %s",
            [hour, hour + timedelta(hours=1)],
        )


@contextmanager
def fleets() -> Iterator[tuple[Fleet, Fleet]]:
    """Give the house, in a copy of the empty database that is dropped afterwards, and the farm, in the database itself."""
    farm = Fleet(FARM, connections[DEFAULT_DB_ALIAS])
    name = farm.database.settings_dict["NAME"]
    beside = f"{name}_house"
    _administer(
        farm.database, f'DROP DATABASE IF EXISTS "{beside}"', f'CREATE DATABASE "{beside}" TEMPLATE "{name}"'
    )
    house = Fleet(HOUSE, _sibling(farm.database, beside))
    try:
        for fleet in (house, farm):
            fleet.prepare()
        yield house, farm
    finally:
        house.database.close()
        _administer(farm.database, f'DROP DATABASE "{beside}"')


def _administer(database: BaseDatabaseWrapper, *statements: str) -> None:
    database.close()
    with database._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _sibling(database: BaseDatabaseWrapper, name: str) -> BaseDatabaseWrapper:
    return type(database)({**deepcopy(database.settings_dict), "NAME": name}, DEFAULT_DB_ALIAS)


def farm(times: int = 9) -> None:
    """Measure it all."""
    with fleets() as (house, farm):
        pages((house, farm), times)
        hourly(farm, 5)
