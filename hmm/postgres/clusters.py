"""Making the server's directory (a PostgreSQL cluster), whole or not at all."""

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from hmm.postgres.accounts import run_as
from hmm.postgres.binaries import Programs
from hmm.postgres.errors import ServerUnavailable, reason
from hmm.postgres.logs import telling_line
from hmm.postgres.places import Place
from hmm.postgres.processes import end_makers

SUPERUSER = "postgres"
ROLE = DATABASE = "hmm"
FIRST_SQL = f"CREATE ROLE {ROLE} LOGIN CREATEDB\nCREATE DATABASE {DATABASE} OWNER {ROLE}\n"
# They go into postgresql.conf, where a person may change them.
SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than it saves on queries of this size
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # a line every five minutes that says all is well
    "log_min_error_statement": "panic",  # statements carry values, which are nobody's to read in a log
}


def major_version(place: Place) -> int | None:
    """Return the major version that made the cluster, None when there is none.

    Raises ServerUnavailable when something else is in its place.
    """
    try:
        return int((place.data / "PG_VERSION").read_text())
    except FileNotFoundError:
        if place.data.exists() and any(place.data.iterdir()):
            raise ServerUnavailable(
                f"{place.data} holds files, and no database (PG_VERSION is missing). Move it away to begin anew."
            ) from None
        return None
    except (OSError, ValueError) as error:
        raise ServerUnavailable(f"cannot read {place.data / 'PG_VERSION'}: {error}") from error


def system_identifier(place: Place) -> int:
    """Return the number that tells this cluster from every other (the first field of its control file)."""
    with (place.data / "global" / "pg_control").open("rb") as control:
        number: int = struct.unpack("=Q", control.read(8))[0]
    return number


def create_cluster(place: Place, programs: Programs) -> None:
    """Make the cluster with its role and database, aside and then renamed into place.

    What a killed attempt left behind is removed. Raises ServerUnavailable when it cannot be made.
    """
    for leftover in place.base.glob("data.new-*"):
        end_makers(leftover)
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        aside = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.base))
        try:
            place.account.give(aside)
            _fill(aside, place, programs)
            aside.rename(place.data)
            _sync(place.base)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise _refusal(place, reason(error)) from error


def _fill(aside: Path, place: Place, programs: Programs) -> None:
    locale = ["--locale=C"]
    if programs.major >= 17:  # letters beyond ASCII, on every system alike
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    identity = [f"--username={SUPERUSER}", "--encoding=UTF8", "--auth-local=trust", "--auth-host=reject"]
    initdb: list[str | Path] = [programs.path("initdb"), "-D", aside, "--no-instructions"]
    _run(place, [*initdb, *identity, *locale, *settings])
    single: list[str | Path] = [
        programs.path("postgres"),
        "--single",
        "-D",
        aside,
        "-c",
        "exit_on_error=on",
        "template1",
    ]
    _run(place, single, sql=FIRST_SQL)


def _run(place: Place, command: list[str | Path], sql: str = "") -> None:
    finished = run_as(
        place.account,
        command,
        input=sql,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=place.base,
    )
    if finished.returncode != 0:
        raise _refusal(place, telling_line(finished.stderr) or f"exit status {finished.returncode}")


def _refusal(place: Place, why: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"cannot create the database in {place.base}: {why}. "
        f"Make room or set HMM_DATA_DIR to another directory, or set DATABASE_URL."
    )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
