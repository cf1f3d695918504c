"""`make bench`: how fast the metrics store is, as ratios to a floor measured in the same run.

Works on a database of its own, made and dropped on the server that DATABASE_URL or the embedded PostgreSQL gives.
Each figure is a median; the floor is taken again beside each. `make bench ARGS=--large` goes on to 1,000 miners and
20 million rows, which takes some minutes and 3 GB, and to a tick beside a day of 6,000 miners, which takes 3 GB more
(`--days=6` for 100 million rows). `make bench ARGS=--tick`, `--packing` and `--import` are these alone, `--pages` every page
beside a year of figures of 100 miners, `--farm`
the pages of 100 and of 6,000 miners and the farm's hourly job (some minutes and 1 GB), `make bench
ARGS="--soak --hours=24"` the collector's day in minutes, `make bench ARGS=--poll` (Linux, 15 minutes) a fleet on
real sockets.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("HMM_LOG_LEVEL", "WARNING")

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from benchmarks import (  # noqa: E402
    dataset,
    farm,
    figure_pages,
    importing,
    packing,
    pages,
    poll,
    reading,
    soak,
    store,
    tick,
)
from benchmarks.measure import heading  # noqa: E402
from metrics.engine.run import fill  # noqa: E402


def main() -> None:
    """Measure everything that the store promises."""
    say_where()
    ids = dataset.make(100)
    fill(store.NOW)
    heading()
    store.rebuild(ids)
    vacuum()
    store.hourly(100)
    store.days_of_hours(ids)
    store.one_late_row(ids)
    store.size()
    reading.make_token()
    reading.thirty_days(ids)
    reading.hours_of_a_miner(ids)
    reading.latest(100)
    figure_pages.figure_pages(ids)
    if "--large" in sys.argv:
        large()
    ticks()
    packing.packing(ids)
    importing.importing()


def large() -> None:
    """The same house with ten times the miners."""
    dataset.make(900)
    vacuum()
    store.hourly(1000)
    reading.latest(1000)


def ticks() -> None:
    """The collector's tick of a few and of many miners, and of the same beside all that they have said for days."""
    days = option("days", 1)
    today = datetime.now(UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )  # of which a collector knows the partition
    begins = today + timedelta(hours=23, minutes=1)
    tick.tick(dataset.make(100, days=0, name="tick"), begins)
    many = dataset.make(6000, days=0)
    vacuum()
    first_s = tick.tick(many, begins)
    if "--large" in sys.argv:
        dataset.fill(many, days, today + timedelta(hours=23) - timedelta(days=days))
        vacuum()
        then_s = tick.tick(many, begins + timedelta(minutes=20))
        print(f"{'of that before there was a past':52} × {then_s / first_s:.2f}")


def option(name: str, default: int) -> int:
    """Return the whole number given as --NAME=NUMBER."""
    given = [text.partition("=")[2] for text in sys.argv if text.startswith(f"--{name}=")]
    return int(given[-1]) if given else default


def vacuum() -> None:
    """Do what autovacuum does within a minute or so."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def say_where() -> None:
    """Print what the figures depend on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    print(f"PostgreSQL {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        if "--soak" in sys.argv:
            soak.soak(dataset.make(6000, days=0), dataset.START, option("hours", 2))
        elif "--poll" in sys.argv:
            poll.poll(option("devices", 6000), option("cycles", 10))
        elif "--pages" in sys.argv:
            say_where()
            pages.pages()
        elif "--farm" in sys.argv:
            farm.farm()
        elif "--tick" in sys.argv:
            heading()
            ticks()
        elif "--packing" in sys.argv:
            packing.packing(dataset.make(100))
        elif "--import" in sys.argv:
            importing.importing()
        else:
            main()
    finally:
        teardown_databases(databases, verbosity=0)
