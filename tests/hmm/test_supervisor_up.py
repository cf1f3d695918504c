"""`manage.py up` from outside: one clear line for what is wrong, one page for what is right, nothing left."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings

from hmm.postgres.server import EmbeddedServer
from hmm.supervisor.address import bind_text, free_block, listen, url
from hmm.supervisor.house import FLEET_PORTS, House, demo_base_port
from hmm.supervisor.instance import LOCK_FILE, end_leftovers
from hmm.supervisor.loop import STATUS_FILE
from hmm.supervisor.processes import token_bearers
from tests.waiting import wait_for

NOT_INHERITED = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HMM_ADMIN_PASSWORD"}
"""The embedded database always: these tests must not touch a server that somebody uses."""


def free_port() -> int:
    """Return a port that nothing listens on, of those that the kernel gives to nobody meanwhile."""
    return free_block(10_000 + secrets.randbelow(8_000), 1, step=1)


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Return the environment of an installation in `data_dir`."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | {"HMM_DATA_DIR": str(data_dir), "HMM_PORT": str(free_port())} | variables


def start(data_dir: Path, **variables: str) -> subprocess.Popen[str]:
    """Start `manage.py up`."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=settings.BASE_DIR,
        env=environment(data_dir, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def refusal(data_dir: Path, **variables: str) -> str:
    """Start `manage.py up` where it must refuse; return its one line."""
    process = start(data_dir, **variables)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.process
@pytest.mark.parametrize(
    ("variable", "text", "greatest"), [("HMM_PORT", "65536", 65535), ("HMM_COLLECTOR_THREADS", "many", 1000)]
)
def test_an_impossible_number_is_one_line(data_dir, variable, text, greatest):
    said = refusal(data_dir, **{variable: text})
    assert f"{variable} must be a whole number from 1 to {greatest}, not '{text}'" in said


@pytest.mark.process
def test_port_in_use_is_one_line_before_a_database_is_made(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refusal(data_dir, HMM_PORT=str(taken.getsockname()[1]))
    assert "in use" in said
    assert "HMM_PORT" in said
    assert {path.name for path in data_dir.iterdir()} <= {LOCK_FILE, "secret_key", "cache"}


@pytest.mark.process
def test_host_of_another_machine_is_one_line(data_dir):
    assert "HMM_HOST=192.0.2.1" in refusal(data_dir, HMM_HOST="192.0.2.1")


@pytest.mark.process
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgres://nobody:secret@127.0.0.1:1/hmm", "refused"),
        ("mysql://127.0.0.1/hmm", "DATABASE_URL must be"),
    ],
)
def test_wrong_database_url_is_one_line_without_the_password(data_dir, address, said):
    line = refusal(data_dir, DATABASE_URL=address)
    assert said in line
    assert "DATABASE_URL" in line
    assert "secret" not in line


@pytest.mark.process
def test_data_directory_below_a_file_is_one_line(data_dir):
    (data_dir / "file").touch()
    assert "HMM_DATA_DIR" in refusal(data_dir / "file" / "data")


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() == 0, reason="root can write anywhere")
def test_data_directory_that_cannot_be_written_is_one_line(data_dir):
    data_dir.chmod(0o555)
    assert "HMM_DATA_DIR" in refusal(data_dir)


@pytest.fixture
def house(data_dir: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of `manage.py up` on `data_dir`; whatever a test leaves of them is ended."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)
    end_leftovers(data_dir, grace_s=5)


def address_of(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """Return the address that HMM has printed, and what it said until then."""
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"HMM is running at (\S+)", line):
            return found[1], said
    raise AssertionError("".join(said))


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Return every process, the database's included, with the data directory in its command or its environment."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _names(process, data_dir)
    ]


def _names(process: psutil.Process, data_dir: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        in_command = str(data_dir) in " ".join(process.cmdline())
        return in_command or process.environ().get("HMM_DATA_DIR") == str(data_dir)
    except psutil.Error:
        return False


@pytest.mark.process
def test_up_serves_a_page_refuses_a_second_start_and_leaves_nothing(house, data_dir):
    house.append(first := start(data_dir))
    address, said = address_of(first)
    assert any("Created the user admin with the password" in line for line in said)
    with urllib.request.urlopen(f"{address}/login/", timeout=30) as page:
        assert page.status == 200
    status = json.loads((data_dir / STATUS_FILE).read_text())
    assert [service["service"] for service in status["services"]] == ["web", "worker", "collector"]

    second = refusal(data_dir)
    assert f"already running on {data_dir} as process {first.pid}" in second

    there = EmbeddedServer(data_dir).ensure_running()
    with psycopg.connect(host=there.host, port=there.port, user=there.user, dbname=there.dbname):
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
        assert first.returncode == 0
        assert processes_of(data_dir) == []


@pytest.mark.process
def test_killed_up_leaves_no_service_and_the_next_continues_with_the_same_data(house, data_dir):
    house.append(killed := start(data_dir))
    address_of(killed)
    token = json.loads((data_dir / STATUS_FILE).read_text())["token"]
    killed.kill()
    wait_for(lambda: not token_bearers(token), "the end of its services", patience_s=30)

    house.append(again := start(data_dir))
    _, said = address_of(again)
    assert not any("Created the user" in line for line in said)
    again.terminate()
    again.communicate(timeout=60)
    assert processes_of(data_dir) == []


def test_demo_ports_are_above_the_web_or_below_where_there_is_no_room():
    assert demo_base_port(8000) == 18000
    assert demo_base_port(60000) == 50000


def test_block_of_ports_moves_on_past_a_port_in_use():
    base = free_block(21000, FLEET_PORTS)
    with listen("127.0.0.1", base + FLEET_PORTS - 1):
        moved = free_block(base, FLEET_PORTS)
    assert moved > base
    assert (moved - base) % 100 == 0


def test_demo_adds_simulators_and_the_rest_buys_from_the_simulated_price_service(data_dir):
    services = {
        service.name: service
        for service in House(settings.BASE_DIR, data_dir, "127.0.0.1", 8000).demo_services()
    }
    assert list(services) == ["fleet", "prices", "outside", "web", "worker", "collector", "demo"]
    price_port = services["prices"].argv[-1]
    assert services["worker"].env["HMM_OCTOPUS_BASE_URL"] == f"http://127.0.0.1:{price_port}"
    outside = f"http://127.0.0.1:{services['outside'].argv[-1]}"
    for name in ("COINGECKO", "COINBASE", "MEMPOOL"):
        assert services["web"].env[f"HMM_{name}_BASE_URL"] == outside
    assert services["demo"].argv[-1] == outside
    assert services["demo"].once
    assert services["demo"].needs == data_dir / "simulated_fleet.json"


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],
)
def test_address_is_one_that_a_browser_takes(host, shown):
    assert url(host, 80) == shown


def test_ipv6_is_bound_in_brackets():
    assert bind_text("::1", 8000) == "[::1]:8000"
