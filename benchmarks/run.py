"""`make bench`: how fast the metrics store is, as ratios to a floor measured in the same run.

Works on a database of its own, made and dropped on the server that DATABASE_URL or the embedded PostgreSQL gives.
Each figure is a median; the floor is taken again beside each.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("HMM_LOG_LEVEL", "WARNING")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from benchmarks import dataset  # noqa: E402
from hmm.dirty import mark_miners_dirty  # noqa: E402
from metrics.engine.run import clean, fill  # noqa: E402
from metrics.query import metrics_in_range  # noqa: E402
from miners.telemetry.read import latest_telemetry  # noqa: E402
from miners.telemetry.rows import TelemetryRow  # noqa: E402
from miners.telemetry.write import write_rows  # noqa: E402

NOW = dataset.END + timedelta(days=60)
FLOOR = """SELECT count(*) FROM (SELECT miner_id, date_trunc('hour', timestamp), sum(power_w), count(*)
           FROM telemetry GROUP BY 1, 2) x"""


def floor() -> None:
    """One pass over all rows, grouped by miner and hour."""
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.fetchone()


class DatabaseClock:
    """Adds up the time that statements spend in the database."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - started


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long `work` took, and how long of it in the database."""
    clock = DatabaseClock()
    started = time.perf_counter()
    with connection.execute_wrapper(clock):
        work()
    return time.perf_counter() - started, clock.seconds


def measure(
    name: str, work: Callable[[], object], times: int, prepare: Callable[[], object] = lambda: None
) -> None:
    """Print the medians of `work`, and their ratio to the floor, taken in turn with it."""
    floors, wholes, inside = [], [], []
    for _ in range(times):
        floors.append(seconds(floor)[0])
        prepare()
        whole, database = seconds(work)
        wholes.append(whole)
        inside.append(database)
    beside = statistics.median(floors)
    whole, database = statistics.median(wholes), statistics.median(inside)
    print(
        f"{name:58} {whole * 1e3:10.2f} ms {database * 1e3:10.2f} ms {whole / beside:8.3f} × floor {beside:.2f} s"
    )


def main() -> None:
    """Measure everything that the store promises."""
    print(f"{'':58} {'whole':>13} {'in database':>13}")
    ids = dataset.make()
    fill(NOW)
    everything = lambda: mark_miners_dirty(ids, dataset.START, dataset.END)  # noqa: E731
    everything()
    clean(NOW)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    measure("full rebuild, slot to month, miner to system", lambda: clean(NOW), 5, everything)
    hour = dataset.START + timedelta(days=3, hours=12)
    measure(
        "the hourly job, 100 miners × 120 rows",
        lambda: clean(NOW),
        15,
        lambda: mark_miners_dirty(ids, hour, hour + timedelta(hours=1)),
    )
    one_late_row(ids)
    reading(ids)
    size()


def one_late_row(ids: list[int]) -> None:
    """A row that comes late, from its write to right figures at every level."""
    late = iter(range(1, 1000))

    def write() -> None:
        moment = dataset.START + timedelta(days=2, minutes=next(late), seconds=17)
        write_rows([TelemetryRow(ids[0], moment, 5, 3000.0, 110000.0, 60.0)], source="push", now=NOW)

    measure("one late row: its write", write, 15)
    measure("one late row: corrected figures at every level", lambda: clean(NOW), 15, write)


def reading(ids: list[int]) -> None:
    """What pages and the API read."""
    day = dataset.START + timedelta(days=1)
    ask = {"now": NOW, "metric_type": "energy_cost"}
    measure(
        "30 daily rows of the system",
        lambda: metrics_in_range(
            period="daily",
            entity_type="system",
            start=dataset.START - timedelta(days=23),
            end=dataset.END,
            **ask,
        ),
        15,
    )
    measure(
        "24 hourly rows of a miner",
        lambda: metrics_in_range(
            period="hourly",
            entity_type="miner",
            entity_id=ids[5],
            start=day,
            end=day + timedelta(days=1),
            **ask,
        ),
        15,
    )
    measure("latest reading of 100 miners", lambda: latest_telemetry(ids), 15)


def size() -> None:
    """Bytes a row, indexes included, of a store written once."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("CREATE TABLE fresh (LIKE metrics_rollup INCLUDING ALL)")
        cursor.execute("INSERT INTO fresh SELECT * FROM metrics_rollup")
        cursor.execute("SELECT pg_total_relation_size('fresh') / count(*) FROM fresh")
        print(f"{'bytes a row of the store, indexes included':58} {cursor.fetchone()[0]:10}")
        transaction.set_rollback(True)


if __name__ == "__main__":
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        teardown_databases(databases, verbosity=0)
