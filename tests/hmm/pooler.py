"""A real PgBouncer in transaction mode before the server of the tests."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.hmm.replication import free_port
from tests.waiting import wait_for

NO_PGBOUNCER = "NO PGBOUNCER: its tests were skipped. Install it (Debian: apt-get install pgbouncer)."

# Each transaction on the next of three server sessions, so that nothing left behind in one is found again.
CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
min_pool_size = 3
server_round_robin = 1
max_client_conn = 100
"""


@dataclass(frozen=True)
class Pooled:
    """A database behind a pooler, and a data directory."""

    url: str
    data_dir: Path

    def manage(self, *command: str, **more: str) -> str:
        """Run a command of manage.py on it, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str, **more: str) -> str:
        """Run `code` in `manage.py shell`."""
        return self.manage("shell", "-v0", "-c", code, **more).strip()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows that `query` gives through the pooler."""
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as connection:
            return connection.execute(query).fetchall()

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that uses it."""
        given = {
            "DATABASE_URL": self.url,
            "HMM_DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTEST_XDIST_WORKER": "",
            "HMM_ALLOWED_HOSTS": "testserver",
        }
        return os.environ | given | more


@contextmanager
def pooled(data_dir: Path) -> Iterator[Pooled]:
    """Give a fresh database behind a PgBouncer; skips, loudly, where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip(NO_PGBOUNCER)
    port, name = free_port(), f"hmm_pooled_{os.getpid()}"
    direct = {key: value for key, value in _server().items() if value}
    with psycopg.connect(**direct, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            with _bouncer(program, data_dir, port, direct):
                yield Pooled(f"postgres://anyone@127.0.0.1:{port}/{name}", data_dir)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _bouncer(program: str, data_dir: Path, port: int, direct: dict[str, Any]) -> Iterator[None]:
    server = " ".join(f"{key}={value}" for key, value in direct.items())
    configuration = data_dir / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(server=server, port=port))
    configuration.chmod(0o644)
    # It refuses to run as root.
    account = {"user": _somebody(), "extra_groups": []} if os.geteuid() == 0 else {}
    with (data_dir / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(configuration)], stderr=log, stdout=log, **account)
    try:
        wait_for(lambda: _listens(port, process), "pgbouncer")
        yield
    finally:
        process.kill()
        process.wait()


def _somebody() -> int:
    """Return an unprivileged user that may enter the socket of the embedded server, where that is what runs."""
    place = Path(str(_server()["host"] or ""))
    owner = place.stat().st_uid if place.is_dir() else 0
    return owner or pwd.getpwnam("nobody").pw_uid


def _server() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {key: parameters.get(key) for key in ("host", "port", "user", "password")}


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "pgbouncer has ended"
    try:
        with psycopg.connect(
            host="127.0.0.1", port=port, user="anyone", dbname="postgres", connect_timeout=5
        ) as found:
            return found.execute("SELECT 1").fetchone() is not None
    except psycopg.OperationalError:
        return False
