"""HMM behind a pooler of transactions: nothing it does needs a session of its own."""

import csv
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from hmm.lib.database_url import database_settings
from tests.hmm.pooler import Pooled, pooled
from tests.miners.simulator.harness import device_named, running
from tests.waiting import wait_for

APPS = ("hmm", "energy", "pools", "miners", "metrics")

SESSION_BOUND = {
    r"pg_(try_)?advisory_lock": "a lock of the session",
    r"\.iterator\(": "a server-side cursor, unless it is switched off",
    r"cursor\(\s*name=|named_cursor|server_cursor": "a server-side cursor",
    r"\bLISTEN\b|\bNOTIFY\b": "a session that listens",
    r"\bSET SESSION\b|set_config\([^)]*,\s*false\)": "a setting of the session",
    r"(execute\(\s*f?\"+|;)\s*SET (?!LOCAL|TRANSACTION|CONSTRAINTS)\w+": "a setting of the session",
    r"(?s)CREATE TEMP(ORARY)? TABLE (?!((?!\"\"\"|CREATE ).)*ON COMMIT DROP)": "a table that outlives its transaction",
    r"[\"'\s]PREPARE \w+": "a prepared statement",
}


@pytest.mark.parametrize("pattern", SESSION_BOUND)
def test_no_source_binds_to_a_session(pattern: str) -> None:
    sources = [path for app in APPS for path in (Path(settings.BASE_DIR) / app).rglob("*.py")]
    found = [
        f"{path}:{path.read_text()[: hit.start()].count(chr(10)) + 1}: {hit[0][-60:]!r}"
        for path in sources
        if "migrations" not in path.parts
        for hit in re.finditer(pattern, path.read_text())
    ]
    assert found == [], f"{SESSION_BOUND[pattern]} does not live behind a pooler"


def test_no_connection_prepares_statements_or_keeps_cursors() -> None:
    """Django's own default for the first; without the second `.iterator()` would declare a cursor."""
    for pooled_too in (False, True):
        entry = database_settings("postgres://a@b/c", Path("/"), pooled=pooled_too)
        assert entry["DISABLE_SERVER_SIDE_CURSORS"] is True
        assert "prepare_threshold" not in entry["OPTIONS"]
        assert "options" not in entry["OPTIONS"]


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: object) -> Iterator[Pooled]:
    """A migrated database behind PgBouncer, with a day of telemetry and of prices."""
    directory = Path(tempfile.mkdtemp(prefix="hmm-"))
    directory.chmod(0o755)
    try:
        with pooled(directory) as made:
            made.manage("migrate", "-v0")
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def hours_ago(hours: float) -> str:
    return (datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)).isoformat()


@pytest.mark.process
def test_every_session_behind_it_is_alike(house: Pooled) -> None:
    said = house.shell(
        """
import time
from django.db import connection
found, until = set(), time.monotonic() + 30  # it opens its sessions one after the other, in its own time
while len(found) < 3 and time.monotonic() < until:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone'), pg_backend_pid()")
        found.add(cursor.fetchone())
print(len({pid for _, pid in found}), {zone for zone, _ in found})
"""
    )
    assert said == "3 {'UTC'}"


@pytest.mark.process
def test_telemetry_prices_figures_and_exports_come_through(house: Pooled) -> None:
    prices = house.data_dir / "prices.csv"
    prices.write_text(
        "start,end,pence_per_kwh\n"
        + "".join(f"{hours_ago(48 + n)},{hours_ago(47.5 + n)},20\n" for n in (3, 2.5, 2, 1.5))
    )
    rows = house.data_dir / "rows.csv"
    rows.write_text(
        "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected\n"
        + "".join(f"garage,{hours_ago(51 - n / 60)},3000,110000,60,5000,1,0\n" for n in range(1, 121))
    )
    out = house.data_dir / "figures.csv"
    house.shell(
        f"""
from django.core.management import call_command
call_command("import_prices", "--tariff", "1", {str(prices)!r})
call_command("import_telemetry", {str(rows)!r}, "--create-miners")
call_command("backfill_metrics")
call_command("verify_metrics")
call_command("export_metrics", "--format", "csv", "-o", {str(out)!r})
"""
    )
    with out.open(encoding="utf-8-sig") as file:
        found = [
            row for row in csv.DictReader(file) if row["period"] == "hourly" and row["entity_type"] == "miner"
        ]
    assert sum(float(row["kwh"] or 0) for row in found) == pytest.approx(6)


LEASES = "SELECT holder, until FROM miners_sitelease"


@pytest.mark.process
def test_a_collector_polls_renews_and_gives_back(house: Pooled) -> None:
    with running(device_named("gamma-1")) as (device,):
        house.manage("add_miner", f"127.0.0.1:{device.port}", "--name", "desk")
        assert "desk" in house.manage("collect", "--once")
        command = [sys.executable, "manage.py", "collect"]
        short = house.environment(HMM_COLLECTOR_LEASE_S="6", HMM_COLLECTOR_TIMEOUT_S="2")
        process = subprocess.Popen(command, env=short, cwd=settings.BASE_DIR)
        try:
            first = wait_for(lambda: house.ask(LEASES), "a lease")
            wait_for(lambda: house.ask(LEASES) != first, "its renewal")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait()
    assert [holder for holder, _ in house.ask(LEASES)] == [""]


@pytest.mark.process
@pytest.mark.parametrize("own_pool", ["0", "1"])
def test_pages_the_api_and_the_health_answer(house: Pooled, own_pool: str) -> None:
    said = house.shell(
        """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.get(username="admin"))
print([client.get(address).status_code for address in (
    "/", "/api/metrics?type=energy_cost&period=hourly&days=1", "/admin/miners/miner/", "/metrics")])
print(client.get("/healthz").json()["failing"].get("database"))
""",
        HMM_DB_POOL=own_pool,
    ).splitlines()
    assert said == ["[200, 200, 200, 200]", "None"]


@pytest.mark.process
def test_the_worker_does_a_task_and_its_jobs(house: Pooled) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"], env=house.environment(), cwd=settings.BASE_DIR
    )
    try:
        house.shell("from django_q.tasks import async_task\nasync_task('metrics.tasks.run_hourly')")
        done = "SELECT error FROM hmm_jobrun WHERE name = 'run_hourly'"
        assert wait_for(lambda: house.ask(done), "the hourly job") == [("",)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
