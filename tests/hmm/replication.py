"""An embedded primary and a streaming replica of it, made from the programs that HMM brings along."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hmm.postgres import binaries, clusters, places
from hmm.postgres.accounts import server_environment
from hmm.postgres.server import EmbeddedServer
from tests.hmm.embedded import ask, end_everything, shell
from tests.waiting import wait_for

NO_BASE_BACKUP = "NO pg_basebackup beside the embedded PostgreSQL: the tests of the replica were skipped."
HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\n"


@dataclass
class Pair:
    """A primary in `data_dir`, and a replica of it that can be stopped, paused and promoted."""

    data_dir: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        """The DATABASE_REPLICA_URL."""
        return f"postgres://hmm@127.0.0.1:{self.port}/hmm"

    @property
    def directory(self) -> Path:
        return self._place.base / "replica"

    @property
    def _place(self) -> places.Place:
        place = places.find_place(self.data_dir)
        assert place is not None
        return place

    @property
    def _programs(self) -> binaries.Programs:
        return binaries.find_programs(clusters.major_version(self._place))

    def copy(self) -> None:
        """Make the replica's directory by a base backup."""
        program = self._programs.path("pg_basebackup")
        if not program.exists():
            pytest.skip(NO_BASE_BACKUP)
        place = self._place
        command = [program, "-D", self.directory, "-h", place.socket_dir, "-p", str(places.PORT)]
        made = subprocess.run(
            [*command, "-U", clusters.SUPERUSER, "-R", "-X", "stream", "-c", "fast"],
            env=server_environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert made.returncode == 0, made.stderr
        (self.directory / "pg_hba.conf").write_text(HBA)
        for path in (self.directory, *self.directory.rglob("*")):
            place.account.give(path)

    def start(self) -> None:
        """Start the replica, and wait until it answers."""
        place = self._place
        programs = binaries.usable_programs(self._programs, place.account, place.base)
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "wal_receiver_status_interval": "1",
            "max_standby_streaming_delay": "0",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs.path("postgres")), "-D", str(self.directory), *options]
        with (self.data_dir / "replica.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=server_environment(), stderr=log, cwd="/", **place.account.popen_arguments()
            )
        wait_for(self._answers, "the replica")

    def stop(self) -> None:
        """Stop the replica at once."""
        if self._process is not None:
            self._process.terminate() if self._process.poll() is None else None
            with suppress_timeout():
                self._process.wait(timeout=20)
            self._process.kill()
            self._process.wait()
            self._process = None

    def on_replica(self, sql: str) -> Any:
        """Return the one value that `sql` gives on the replica."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=clusters.SUPERUSER, dbname="hmm", autocommit=True
        ) as connection:
            row = connection.execute(sql).fetchone()
        assert row is not None
        return row[0]

    def has_caught_up(self) -> bool:
        """Say whether the replica has replayed all that the primary has written by now."""
        written_to = ask(EmbeddedServer(self.data_dir), "SELECT pg_current_wal_lsn()::text")
        return bool(self.on_replica(f"SELECT pg_last_wal_replay_lsn() >= '{written_to}'::pg_lsn"))

    def run(self, code: str, **more: str) -> str:
        """Run `code` in `manage.py shell` of a house with this replica, and return what it prints."""
        names = {
            "DATABASE_REPLICA_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",  # static files without a manifest
            "PYTEST_XDIST_WORKER": "",  # the data directory is this one, whoever asks
            "HMM_ALLOWED_HOSTS": "testserver",
            "HMM_LOG_LEVEL": "ERROR",
        }
        done = shell(self.data_dir, code, **(names | more))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _answers(self) -> bool:
        try:
            return bool(self.on_replica("SELECT true"))
        except psycopg.OperationalError:
            return False


@contextmanager
def suppress_timeout() -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired:
        return


def free_port() -> int:
    """Return a port of loopback that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def replicated(data_dir: Path) -> Iterator[Pair]:
    """Give a pair, its database migrated, until the end of the block."""
    pair = Pair(data_dir, free_port())
    server = EmbeddedServer(data_dir)
    try:
        server.ensure_running()
        pair.run(
            "from django.core.management import call_command\ncall_command('migrate', verbosity=0)",
            DATABASE_REPLICA_URL="",
        )
        pair.copy()
        pair.start()
        yield pair
    finally:
        pair.stop()
        server.stop("immediate")
        end_everything(data_dir)
