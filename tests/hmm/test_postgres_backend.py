"""Django on the embedded server, as HMM's commands and processes use it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from hmm.postgres.base import DatabaseWrapper
from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded

pytestmark = pytest.mark.process

ASK = "connection.cursor().execute('SELECT 1')\nprint('answered')\n"
KILL_SERVER = """
import os, signal, time
from hmm.postgres import processes
with connection.cursor() as cursor:
    cursor.execute('SELECT pg_backend_pid()')
    backend_pid = cursor.fetchone()[0]
pid_file = connection.settings_dict['DATA_DIR'] / 'postgres' / 'data' / 'postmaster.pid'
os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
while processes.is_alive(backend_pid):
    time.sleep(0.02)
"""


@pytest.fixture
def home(data_dir: Path) -> Iterator[Path]:
    """A data directory in which a test may leave a server running."""
    yield data_dir
    embedded.end_everything(data_dir)


@pytest.fixture
def running(home: Path) -> EmbeddedServer:
    """A server that this process has started and uses."""
    server = EmbeddedServer(home)
    server.ensure_running()
    return server


def test_a_short_command_starts_it_and_stops_it(home: Path) -> None:
    finished = embedded.shell(home, ASK)

    assert (finished.returncode, finished.stdout) == (0, "answered\n"), finished.stderr
    assert not EmbeddedServer(home).is_running()
    assert "database system is shut down" in (home / "postgres" / "server.log").read_text()


def test_a_command_that_needs_no_database_starts_none(home: Path) -> None:
    finished = embedded.manage(home, "check")

    assert finished.returncode == 0, finished.stderr
    assert not (home / "postgres").exists()


def test_a_command_that_fails_stops_it_too(home: Path) -> None:
    finished = embedded.shell(home, ASK + "raise SystemExit(3)")

    assert finished.returncode == 3
    assert not EmbeddedServer(home).is_running()


def test_a_command_leaves_it_to_others_who_use_it(running: EmbeddedServer) -> None:
    pid = embedded.postmaster_pid(running)

    assert embedded.shell(running.data_dir, ASK).returncode == 0

    assert embedded.postmaster_pid(running) == pid


def test_whoever_ends_last_stops_it(home: Path) -> None:
    first = _shell_until_told(home)
    second = _shell_until_told(home)

    first.communicate("\n", timeout=60)
    assert EmbeddedServer(home).is_running()

    second.communicate("\n", timeout=60)
    assert not EmbeddedServer(home).is_running()


def test_what_a_supervisor_started_leaves_it_running(home: Path) -> None:
    assert embedded.shell(home, ASK, HMM_SUPERVISED="1").returncode == 0

    assert EmbeddedServer(home).is_running()


def test_a_forked_child_does_not_stop_it(home: Path) -> None:
    code = """
import os, sys
connection.cursor().execute('SELECT 1')
connection.close()
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
from hmm.postgres.server import EmbeddedServer
print(EmbeddedServer(connection.settings_dict['DATA_DIR']).is_running())
"""
    finished = embedded.shell(home, code)

    assert finished.stdout == "True\n", finished.stderr
    assert not EmbeddedServer(home).is_running()


def test_a_forked_child_that_comes_first_does_not_stop_it_under_its_parent(home: Path) -> None:
    code = """
import os, sys
connection.cursor().execute('SELECT 1')
connection.close()
child = os.fork()
if child == 0:
    connection.cursor().execute('SELECT 1')
    sys.exit(0)
os.waitpid(child, 0)
print(connection.settings_dict['DATA_DIR'].joinpath('postgres/data/postmaster.pid').exists())
"""
    finished = embedded.shell(home, code)

    assert finished.stdout == "True\n", finished.stderr


def test_ctrl_c_reaches_the_command_and_not_the_server(home: Path) -> None:
    other = _shell_until_told(home)
    command = _shell_until_told(home, start_new_session=True)
    os.killpg(command.pid, signal.SIGINT)
    command.communicate(timeout=60)

    assert EmbeddedServer(home).is_running()
    other.communicate("\n", timeout=60)
    assert not EmbeddedServer(home).is_running()


def test_the_next_connection_revives_a_killed_server(home: Path) -> None:
    finished = embedded.shell(home, f"{ASK}{KILL_SERVER}\nconnection.close()\n{ASK}")

    assert finished.stdout == "answered\nanswered\n", finished.stderr


def test_a_server_that_is_stuck_is_not_waited_for(running: EmbeddedServer, home: Path) -> None:
    settings = {**connection.settings_dict, "DATA_DIR": home, "NAME": "hmm", "USER": "hmm"}
    wrapper = DatabaseWrapper({**settings, "OPTIONS": {"connect_timeout": 2}}, "stuck")
    wrapper.get_new_connection(wrapper.get_connection_params()).close()  # as the web has, long before
    postmaster = embedded.postmaster_pid(running)
    os.kill(postmaster, signal.SIGSTOP)
    try:
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            wrapper.get_new_connection(wrapper.get_connection_params())
    finally:
        os.kill(postmaster, signal.SIGCONT)
    wrapper.get_new_connection(wrapper.get_connection_params()).close()


@pytest.mark.parametrize("idle", [1, 3])
def test_a_pool_revives_a_killed_server(home: Path, idle: int) -> None:
    borrow = (
        f"wrappers = [connection.copy() for _ in range({idle})]\n"
        f"[wrapper.cursor().execute('SELECT 1') for wrapper in wrappers]\n"
        f"[wrapper.close() for wrapper in wrappers]\n"
        f"print('answered')\n"
    )
    finished = embedded.shell(home, f"{borrow}{KILL_SERVER}\n{borrow}", HMM_DB_POOL="1")

    assert finished.stdout == "answered\nanswered\n", finished.stderr
    assert not EmbeddedServer(home).is_running()


def test_django_can_make_its_test_database(home: Path) -> None:
    code = """
with connection._nodb_cursor() as cursor:
    cursor.execute('CREATE DATABASE test_hmm')
connection.settings_dict['NAME'] = 'test_hmm'
with connection.cursor() as cursor:
    cursor.execute('SELECT current_database()')
    print(cursor.fetchone()[0])
"""
    finished = embedded.shell(home, code)

    assert finished.stdout == "test_hmm\n", finished.stderr


def test_dbshell_opens_psql_on_it(home: Path) -> None:
    finished = embedded.manage(home, "dbshell", "--", "-Atc", "SELECT current_user, current_database()")

    assert finished.stdout == "hmm|hmm\n", finished.stderr
    assert not EmbeddedServer(home).is_running()


@pytest.mark.parametrize("command", [["migrate"], ["dbshell"], ["backfill_metrics"]])
def test_a_database_that_cannot_start_is_one_clear_line(home: Path, command: list[str]) -> None:
    (home / "postgres").write_text("in the way")

    finished = embedded.manage(home, *command)

    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1, finished.stderr
    assert str(home / "postgres") in finished.stderr


def _shell_until_told(home: Path, *, start_new_session: bool = False) -> "subprocess.Popen[str]":
    code = (
        "from django.db import connection\nimport sys\n" + ASK + "sys.stdout.flush()\nsys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=embedded.ROOT,
        env=embedded.environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=start_new_session,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "answered\n"
    return process
