"""`make bench`: how fast the metrics store is, as ratios to a floor measured in the same run.

Works on a database of its own, made and dropped on the server that DATABASE_URL or the embedded PostgreSQL gives.
Each figure is a median; the floor is taken again beside each. `make bench ARGS=--large` goes on to 1,000 miners and
20 million rows, which takes some minutes and 3 GB.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("HMM_LOG_LEVEL", "WARNING")

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from benchmarks import dataset, reading, store  # noqa: E402
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
    if "--large" in sys.argv:
        large()


def large() -> None:
    """The same house with ten times the miners."""
    dataset.make(900)
    vacuum()
    store.hourly(1000)
    reading.latest(1000)


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
        main()
    finally:
        teardown_databases(databases, verbosity=0)
