"""How fast history comes in: by Django's own bulk_create, from rows made here, and from a file of CSV.

Each is measured from its rows to the commit, in turns, on the same rows of other miners: medians of `TURNS`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from django.db import connection, transaction

from benchmarks.measure import processor_s
from miners.models import Miner, Site, Telemetry
from miners.telemetry.bulk import BulkRow, store_histories
from miners.telemetry.importing import import_file
from miners.telemetry.packed.payload import Day
from miners.telemetry.packed.store import midnight
from miners.telemetry.packed.wire import WRITE, write_days
from miners.telemetry.partitions import ensure_days

DAY = date(2025, 6, 3)
NOW = datetime(2025, 7, 1, tzinfo=UTC)
CADENCE_S = 30
MINERS, ROWS = 40, 2880
TURNS = 3
HEADER = "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected"

Figures = tuple[float, float, float, int, int, int]


def importing() -> None:
    """Print rows a second of each way, and how many times bulk_create's that is."""
    ensure_days([DAY])
    names = [f"import-{n}" for n in range(MINERS)]
    site = Site.objects.create(name="import")
    ids = [miner.pk for miner in Miner.objects.bulk_create([Miner(name=name, site=site) for name in names])]
    with tempfile.TemporaryDirectory() as directory:
        whole, bare = (_write_csv(Path(directory), names, with_covered_s=it) for it in (True, False))
        ways: dict[str, Callable[[], object]] = {
            "Django's bulk_create": lambda: _bulk_create(ids),
            "rows made here, with dirty ranges and latest readings": lambda: _bulk(ids),
            "a CSV file with covered_s": lambda: import_file(whole, now=NOW),
            "a CSV file without": lambda: import_file(bare, now=NOW),
            "COPY of columns, as days are unpacked": lambda: _copy(ids),
            "COPY of the same lines into a bare table": lambda: _bare_copy(whole),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(TURNS):
            for name, work in ways.items():
                found[name].append(_measure(work))
    _say(found)


def _measure(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long `work` took, and how much of the processor here and at the server, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE telemetry; UPDATE miners_latestreading SET timestamp = NULL")
    before, started = sum(processor_s()), time.perf_counter()
    work()
    return time.perf_counter() - started, sum(processor_s()) - before


def _say(found: dict[str, list[tuple[float, float]]]) -> None:
    rows = MINERS * ROWS
    print(f"{rows:,} rows of {MINERS} miners, from what is given to their commit")
    print(
        f"{'':56} {'by the clock':>16} {'of bulk_create':>15} {'by the processor':>18} {'of bulk_create':>15}"
    )
    medians = {
        name: [statistics.median(column) for column in zip(*took, strict=True)]
        for name, took in found.items()
    }
    slowest = next(iter(medians.values()))
    for name, (clock_s, used_s) in medians.items():
        print(
            f"{name:56} {rows / clock_s:9,.0f} rows/s {f'× {slowest[0] / clock_s:.1f}':>15} "
            f"{rows / used_s:11,.0f} rows/s {f'× {slowest[1] / used_s:.1f}':>15}"
        )


def _figures(seed: int) -> Iterator[Figures]:
    chance = Random(seed)
    for _ in range(ROWS):
        yield (
            float(chance.randrange(3000, 3200)),
            chance.randrange(11_000_000, 11_500_000) / 100,
            chance.randrange(550, 750) / 10,
            chance.randrange(4000, 4500),
            chance.randrange(6),
            0,
        )


FIGURES = [list(_figures(seed)) for seed in range(MINERS)]
TIMES = [midnight(DAY) + timedelta(seconds=CADENCE_S * n) for n in range(1, ROWS)]
TIMES.append(midnight(DAY) + timedelta(seconds=CADENCE_S * ROWS - 1))


def _bulk_create(ids: list[int]) -> None:
    names = ("power_w", "hashrate_ghs", "temperature_c", "fan_rpm", "accepted", "rejected")
    rows = [
        Telemetry(miner_id=i, timestamp=at, covered_s=CADENCE_S, **dict(zip(names, told, strict=True)))
        for i, figures in zip(ids, FIGURES, strict=True)
        for at, told in zip(TIMES, figures, strict=True)
    ]
    with transaction.atomic():
        Telemetry.objects.bulk_create(rows, batch_size=5000)


def _bulk(ids: list[int]) -> None:
    histories = (
        (i, (BulkRow(at, CADENCE_S, *told) for at, told in zip(TIMES, figures, strict=True)))
        for i, figures in zip(ids, FIGURES, strict=True)
    )
    store_histories(histories, source="import", now=NOW)


def _copy(ids: list[int]) -> None:
    seconds = [int((at - midnight(DAY)).total_seconds()) for at in TIMES]
    days = (
        (i, DAY, Day(seconds, [CADENCE_S] * ROWS, *map(list, zip(*figures, strict=True))))
        for i, figures in zip(ids, FIGURES, strict=True)
    )
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(WRITE.format(table="telemetry")) as copy,
    ):
        write_days(copy, days)


def _bare_copy(path: Path) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE bare_lines (miner text, timestamp timestamptz, power_w float8, hashrate_ghs float8, "
            "temperature_c float8, fan_rpm int, accepted int, rejected int, covered_s int) ON COMMIT DROP"
        )
        with cursor.copy("COPY bare_lines FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())


def _write_csv(directory: Path, names: list[str], *, with_covered_s: bool) -> Path:
    path = directory / f"{with_covered_s}.csv"
    end = f",{CADENCE_S}" if with_covered_s else ""
    with path.open("w") as file:
        file.write(HEADER + (",covered_s" if with_covered_s else "") + "\n")
        for name, figures in zip(names, FIGURES, strict=True):
            for at, told in zip(TIMES, figures, strict=True):
                file.write(f"{name},{at.isoformat()},{','.join(map(str, told))}{end}\n")
    return path
