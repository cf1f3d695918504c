"""How fast the engine is."""

from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import dataset
from benchmarks.measure import measure, one_after_the_other
from hmm.dirty import mark_miners_dirty
from metrics.engine.farm import read_farm
from metrics.engine.grid import grid
from metrics.engine.marks import boundaries, move_marks
from metrics.engine.merge import merge_longer
from metrics.engine.run import clean, run
from metrics.models import Watermark
from metrics.sketches.write import write_sketches
from metrics.store.kept import Batch
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows

NOW = timezone.now()
HOUR = dataset.START + timedelta(days=3, hours=12)


@contextmanager
def without_sketches():
    """Leave percentiles out."""
    with patch("metrics.engine.compute.write_sketches"):
        yield


def rebuild(ids: list[int]) -> None:
    """Everything anew, into a store without statistics at first."""

    def everything() -> None:
        mark_miners_dirty(ids, dataset.START, dataset.END)

    def all_but_sketches() -> None:
        with without_sketches():
            clean(NOW)

    measure("first fill, percentiles included", lambda: clean(NOW), 1, everything)
    measure("full rebuild, slot to month, miner to system", all_but_sketches, 5, everything)
    measure("the same with percentiles", lambda: clean(NOW), 5, everything)
    measure("percentiles alone, hour to month", lambda: sketches(ids), 5)


def sketches(ids: list[int]) -> None:
    """Write the percentiles of the whole data set, and leave the store as it was."""
    cut = grid(NOW)
    spans = read_farm(cut.zone).spans(dataset.START, dataset.END)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
        batch = Batch()
        for period in ("hourly", "daily", "weekly", "monthly"):
            found = cut.buckets(period, dataset.START, dataset.END)
            write_sketches(period, found, ids, spans, cut, everyone=True, batch=batch)
        batch.sent()
        transaction.set_rollback(True)


def hourly(miners: int) -> float:
    """The job of XX:05: two slots and an hour, and nothing dirty. Returns its median in seconds."""
    saved = list(Watermark.objects.all())

    def job() -> None:
        run(HOUR + timedelta(hours=1, minutes=5), "hourly")

    def all_but_sketches() -> None:
        with without_sketches():
            job()

    name = f"the hourly job, {miners:,} miners × 120 rows"
    measure(f"{name}, no percentiles", all_but_sketches, 11, lambda: forget_hour(HOUR), again=True)
    took = measure(name, job, 11, lambda: forget_hour(HOUR), again=True)
    for mark in saved:
        mark.save()
    return took


def forget_hour(hour: datetime) -> None:
    """Have the store end at `hour`, as it did then."""
    move_marks(boundaries(grid(NOW), hour))
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_rollup WHERE period IN ('slot', 'hourly') AND timestamp >= %s AND timestamp < %s",
            [hour, hour + timedelta(hours=1)],
        )


def one_late_row(ids: list[int]) -> None:
    """A row that comes late, from its write to right figures at every level."""
    late = iter(range(1, 1000))

    def write() -> None:
        moment = dataset.START + timedelta(days=2, minutes=next(late), seconds=17)
        write_rows([TelemetryRow(ids[0], moment, 5, 3000.0, 110000.0, 60.0)], source="push", now=NOW)

    def all_but_sketches() -> None:
        with without_sketches():
            clean(NOW)

    measure("one late row: its write", write, 15, again=True)
    measure("one late row: right figures at every level", all_but_sketches, 15, write, again=True)
    one_after_the_other(all_but_sketches, 60, write)
    measure("the same with percentiles", lambda: clean(NOW), 15, write, again=True)
    one_after_the_other(lambda: clean(NOW), 60, write)


def days_of_hours(ids: list[int]) -> None:
    """Days from hours, of every miner, the site and the system."""
    cut = grid(NOW)
    farm = read_farm(cut.zone)
    spans = farm.spans(dataset.START, dataset.END)
    days = cut.buckets("daily", dataset.START, dataset.END)

    def merge() -> None:
        with transaction.atomic():
            batch = Batch()
            merge_longer("daily", days, ids, spans, farm.standing, cut, NOW, everyone=True, batch=batch)
            batch.sent()

    measure("7 days from their hours, 100 miners to system", merge, 11, again=True)


def size() -> None:
    """Bytes a row, indexes included, of a store written once."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("CREATE TABLE fresh (LIKE metrics_rollup INCLUDING ALL)")
        cursor.execute("INSERT INTO fresh SELECT * FROM metrics_rollup")
        cursor.execute("SELECT pg_total_relation_size('fresh') / count(*) FROM fresh")
        print(f"{'bytes a row of the store, indexes included':52} {cursor.fetchone()[0]:9}")
        transaction.set_rollback(True)
