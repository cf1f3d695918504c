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

import argparse
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

WHAT = ("tick", "packing", "import", "pages", "farm", "soak", "poll")


def asked() -> argparse.Namespace:
    """Return what the command line asks for; what it cannot mean ends the program and says why."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    alone = parser.add_mutually_exclusive_group()
    for what in WHAT:
        alone.add_argument(f"--{what}", dest="what", action="store_const", const=what)
    parser.add_argument("--large", action="store_true", help="ten times the miners, and a tick beside a past")
    for name, number in (("days", 1), ("hours", 2), ("devices", 6000), ("cycles", 10)):
        parser.add_argument(f"--{name}", type=int, default=number, metavar="N", help=f"{number} if not given")
    return parser.parse_args()


def measure(ask: argparse.Namespace) -> None:
    """Measure what is asked for, everything that the store promises if nothing is."""
    match ask.what:
        case "soak":
            soak.soak(dataset.make(6000, days=0), dataset.START, ask.hours)
        case "poll":
            poll.poll(ask.devices, ask.cycles)
        case "pages":
            say_where()
            pages.pages()
        case "farm":
            farm.farm()
        case "tick":
            heading()
            ticks(ask)
        case "packing":
            packing.packing(dataset.make(100))
        case "import":
            importing.importing()
        case _:
            everything(ask)


def everything(ask: argparse.Namespace) -> None:
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
    if ask.large:
        large()
    ticks(ask)
    packing.packing(ids)
    importing.importing()


def large() -> None:
    """The same house with ten times the miners."""
    dataset.make(900)
    vacuum()
    store.hourly(1000)
    reading.latest(1000)


def ticks(ask: argparse.Namespace) -> None:
    """The collector's tick of a few and of many miners, and of the same beside all that they have said for days."""
    today = datetime.now(UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )  # of which a collector knows the partition
    begins = today + timedelta(hours=23, minutes=1)
    tick.tick(dataset.make(100, days=0, name="tick"), begins)
    many = dataset.make(6000, days=0)
    vacuum()
    first_s = tick.tick(many, begins)
    if ask.large:
        dataset.fill(many, ask.days, today + timedelta(hours=23) - timedelta(days=ask.days))
        vacuum()
        then_s = tick.tick(many, begins + timedelta(minutes=20))
        print(f"{'of that before there was a past':52} × {then_s / first_s:.2f}")


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
    wanted = asked()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        measure(wanted)
    finally:
        teardown_databases(databases, verbosity=0)
