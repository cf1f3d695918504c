"""What the tests of the embedded server share: other processes, and an end for whatever they start."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from hmm.postgres import places, processes
from hmm.postgres.server import EmbeddedServer

ROOT = Path(__file__).parents[2]

# A process that starts or joins the server as HMM's own code does, says the server's pid, and waits for a line.
HOLD = """
import sys
from pathlib import Path
from hmm.postgres import places, processes
from hmm.postgres.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.ensure_running()
print(processes.postmaster(places.find_place(server.data_dir)).pid, flush=True)
sys.stdin.readline()
"""


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command that uses the embedded server in `data_dir`."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "HMM_SUPERVISED")
    }
    return kept | {"HMM_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "hmm.settings"} | more


def manage(data_dir: Path, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a manage.py command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=environment(data_dir, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def shell(data_dir: Path, code: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in `manage.py shell`, with Django's `connection` at hand."""
    return manage(data_dir, "shell", "-v0", "-c", f"from django.db import connection\n{code}", **more)


def hold(data_dir: Path) -> "subprocess.Popen[str]":
    """Start a process that uses the server until it is told to end, or killed."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)],
        cwd=ROOT,
        env=environment(data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def connect(server: EmbeddedServer) -> "psycopg.Connection[tuple]":
    """Connect to a running server the way it says."""
    where = server.attach()
    return psycopg.connect(
        host=where.host, port=where.port, user=where.user, dbname=where.dbname, autocommit=True
    )


def ask(server: EmbeddedServer, query: str) -> object:
    """Return the one value that `query` gives."""
    with connect(server) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def postmaster_pid(server: EmbeddedServer) -> int:
    """Return the process number of the running server."""
    place = places.find_place(server.data_dir)
    assert place is not None
    found = processes.postmaster(place)
    assert found is not None, "the server is not running"
    return int(found.pid)


def end_everything(data_dir: Path) -> None:
    """End every process of the server in `data_dir`, in whatever state a test has left it."""
    link = data_dir / "postgres"
    if link.is_dir():
        place = places.find_place(data_dir)
        assert place is not None
        processes.end_orphans(place)
