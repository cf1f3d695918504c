"""Exports stream: what they hold does not grow with what they write."""

import subprocess
import sys
import tracemalloc
from collections import deque

import pytest
from django.conf import settings
from django.db import connection

from metrics.exports import exporters
from metrics.store.partitions import ensure_partitions
from tests.metrics.exports.conftest import HOUR, MORNING, child_environment
from tests.metrics.exports.made_up import MadeUp

MEGABYTE = 1_000_000
HOURS, MINERS = 250, 100

FILL = """
INSERT INTO metrics_rollup (timestamp, computed_at, records, covered_s, power_s, energy_j, hashrate_s, hashes_gh,
  hashing_s, entity_id, elapsed_s, miner_count, entity_type, period)
SELECT %s::timestamptz + h * interval '1 hour', now(), 120, 3600, 3600, 1e7 + m, 3600, 3600 * (500.3 + m),
  3600, m, 3600, 1, 'miner', 'hourly'
FROM generate_series(0, %s - 1) h, generate_series(1, %s) m
"""

# The high-water mark of the process that exports: getrusage would also count that of the process that starts it.
MEASURED = """
import re, sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "export_metrics", *sys.argv[1:]])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(int(peak[1]) * 1024, file=sys.stderr)
"""


@pytest.mark.parametrize("name", ["csv", "json", "prometheus"])
def test_formats_hold_no_more_than_a_piece(name: str) -> None:
    write = exporters[name].write
    deque(write(MadeUp(hours=1)), maxlen=0)  # what is loaded once is not counted
    tracemalloc.start()
    deque(write(MadeUp(hours=20_000)), maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEGABYTE


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_thousand_rows_take_the_memory_of_none() -> None:
    _fill_the_store()
    hourly = ("--period", "hourly", "--entity-type", "miner")
    types = [
        word for name in ("efficiency", "energy_cost", "hashrate", "uptime") for word in ("--type", name)
    ]
    none, _ = _peak("json", *hourly, *types, "--to", "2010-01-01")
    whole, length = _peak("json", *hourly, *types)
    assert length > 100_000 * 200
    assert whole - none < 25 * MEGABYTE
    samples, length = _peak("prometheus", *hourly, "--type", "uptime")
    assert length > 100_000 * 80
    assert samples - none < 25 * MEGABYTE


def _fill_the_store() -> None:
    ensure_partitions(MORNING, MORNING + HOURS * HOUR)
    with connection.cursor() as cursor:
        cursor.execute(FILL, [MORNING, HOURS, MINERS])


def _peak(name: str, *arguments: str) -> tuple[int, int]:
    """Return the peak of the memory of an export, and how many bytes it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "--format", name, *arguments],
        cwd=settings.BASE_DIR,
        env=child_environment(),
        capture_output=True,
        check=True,
    )
    return int(done.stderr), len(done.stdout)
