"""Several collectors on one fleet of simulated devices: `python -m benchmarks.collectors [devices] [seconds]`.

Polls a second, failures, and the CPU of each, with one collector and with two.
It makes and drops a database of its own beside that of DATABASE_URL.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
BASE_PORT = 21_000
SITES = 8
INTERVAL_S = 5

ADD = f"""
from miners.models import Miner, Site
Site.objects.all().delete()
sites = [Site.objects.create(name="Hall " + str(n), poll_interval_s={INTERVAL_S}) for n in range({SITES})]
import json
for n, one in enumerate(json.load(open({{manifest!r}}))):
    Miner.objects.create(name=one["name"], site=sites[n % {SITES}], host=one["host"], port=one["port"],
                         driver=one["driver"])
"""
READ = """
from miners.models import Miner


from miners.models import Telemetry
print(Telemetry.objects.count(), Miner.objects.filter(state="unreachable").count())
"""


def main(devices: int, seconds: int) -> None:
    """Measure one collector, then two, on the same devices."""
    url = os.environ["DATABASE_URL"]
    name = f"hmm_collectors_{os.getpid()}"
    own = f"{url.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            measure(own, devices, seconds)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def measure(url: str, devices: int, seconds: int) -> None:
    """Print a line for each number of collectors."""
    environment = os.environ | {"DATABASE_URL": url, "HMM_LOG_LEVEL": "ERROR"}
    manifest = Path(environment["HMM_DATA_DIR"]) / "collectors_fleet.json"
    manifest.unlink(missing_ok=True)
    manage(environment, "migrate", "-v0")
    fleet = ("simulate_fleet", "--base-port", str(BASE_PORT), "--count", str(devices), "--manifest")
    with running(environment, *fleet, str(manifest)):
        while not manifest.exists():
            time.sleep(0.2)
        manage(environment, "shell", "-v0", "-c", ADD.format(manifest=str(manifest)))
        for collectors in (1, 2):
            print(line(environment, collectors, seconds), flush=True)


def line(environment: dict[str, str], collectors: int, seconds: int) -> str:
    """Return what so many collectors do in so many seconds, once they share the sites."""
    with ExitStack() as stack:
        found = [stack.enter_context(running(environment, "collect")) for _ in range(collectors)]
        time.sleep(70 if collectors > 1 else 15)  # a lease, and a renewal
        rows, cpu_s = rows_now(environment), cpu(found)
        began = time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began
        after, cpu_after = rows_now(environment), cpu(found)
        used = [f"{(b - a) / took_s:.0%}" for a, b in zip(cpu_s, cpu_after, strict=True)]
        return f"{collectors} collectors: {(after - rows) / took_s:.0f} rows/s, CPU {' and '.join(used)} of a core"


def rows_now(environment: dict[str, str]) -> int:
    """Return how many rows of telemetry there are."""
    rows, unreachable = manage(environment, "shell", "-v0", "-c", READ).split()
    print(f"{rows} rows, {unreachable} devices unreachable")
    return int(rows)


def cpu(found: list[psutil.Popen]) -> list[float]:
    """Return the seconds of CPU that each has used."""
    return [sum(process.cpu_times()[:2]) for process in found]


def manage(environment: dict[str, str], *command: str) -> str:
    """Run a command of manage.py, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@contextmanager
def running(environment: dict[str, str], *command: str) -> Iterator[psutil.Popen]:
    """Have a command of manage.py running in the block."""
    process = psutil.Popen(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] + ["600", "60"][len(sys.argv) - 1 :])))
