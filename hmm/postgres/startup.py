"""Bringing the server up from whatever state it was left in, and asking it whether it is well."""

import os
import socket
import subprocess
import time

import psycopg

from hmm.postgres import binaries, clusters, places, processes
from hmm.postgres.accounts import run_as
from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.logs import size, telling_line, telling_line_since
from hmm.postgres.places import Place

START_PATIENCE_S = 300.0  # recovery after a power cut takes its time
DEAF_PATIENCE_S = 10.0
CLOSING_PATIENCE_S = 1.0

# The shell puts the server into the background and ends, so that it is no child of the process that happened
# to need it first; unlike pg_ctl's own, this shell never reads a path as shell text.
LAUNCH = '"$@" >&2 & echo $!'


def bring_up(place: Place) -> None:
    """Return when the server of `place` answers, having started it if it did not run. Called under the lock.

    A server that is starting, stopping or recovering is waited for; what a killed one left is cleared first.
    """
    attempt = _Attempt(place)
    while not attempt.answers():
        if attempt.age_s > START_PATIENCE_S:
            raise _failed(place, f"{attempt.why} after {START_PATIENCE_S:.0f} s")
        time.sleep(0.02 if attempt.age_s < DEAF_PATIENCE_S else 0.5)


class _Attempt:
    """One try to have a server: what has been done so far, and since when."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.why = "it does not answer"
        self._began = time.monotonic()
        self._launched: int | None = None
        self._log_from = 0

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    def answers(self) -> bool:
        """Say whether the server answers; if not, do the next thing that may help."""
        if is_listening(self.place):
            self.why = _refusal_of(self.place)
            return not self.why
        if self._launched is not None and processes.is_alive(self._launched):
            return False  # on its way to the socket
        if (found := processes.postmaster(self.place)) is not None:
            if self.age_s > DEAF_PATIENCE_S and processes.says_ready(self.place):
                processes.end_postmaster(found, self.place, "fast")  # somebody has deleted its socket
            return False
        if self._launched is not None:
            raise _failed(
                self.place, telling_line_since(self.place.log, self._log_from) or "it ended without a word"
            )
        self._log_from = size(self.place.log)
        self._launched = _start(self.place)
        return False


def _start(place: Place) -> int:
    places.require_reachable(place)
    major = clusters.major_version(place)
    programs = binaries.usable_programs(binaries.find_programs(major), place.account, place.base)
    if major is None:
        clusters.create_cluster(place, programs)
    _clear_remains(place)
    places.prepare_socket_dir(place)
    return _launch(place, programs)


def _clear_remains(place: Place) -> None:
    """Remove what a killed server left: its processes first, for they hold its memory, then its files.

    The server itself takes any process that has got the old number meanwhile for itself.
    """
    processes.end_orphans(place)
    for file in (place.pid_file, place.socket, place.socket.with_name(f"{place.socket.name}.lock")):
        file.unlink(missing_ok=True)


def _launch(place: Place, programs: binaries.Programs) -> int:
    settings = {
        "listen_addresses": "",
        "port": str(places.PORT),
        "unix_socket_directories": str(place.socket_dir),
        "cluster_name": place.name,
        "logging_collector": "off",
    }
    command = [str(programs.path("postgres")), "-D", str(place.data)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with place.log.open("ab") as log:
        place.log.chmod(0o600)
        launched = run_as(
            place.account,
            ["/bin/sh", "-c", LAUNCH, "sh", *command],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=place.base,
        )
    return int(launched.stdout)


def is_listening(place: Place) -> bool:
    """Say whether a server takes connections on the socket, be it only to refuse them."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fsencode(place.socket))
        except (BlockingIOError, TimeoutError):
            return True  # its queue is full
        except OSError:
            return False
        return True


def _connect(place: Place) -> psycopg.Connection[tuple[int]]:
    return psycopg.connect(
        host=str(place.socket_dir),
        port=places.PORT,
        user=clusters.SUPERUSER,
        dbname="postgres",
        connect_timeout=5,
        autocommit=True,
    )


def _refusal_of(place: Place) -> str:
    """Return why the server does not answer yet, empty when it does."""
    if not processes.says_ready(place):
        return "it is still starting, recovering or stopping"
    try:
        with _connect(place) as connection:
            row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    except psycopg.OperationalError as error:
        return telling_line(str(error))
    if row is None or row[0] % 2**64 != clusters.system_identifier(place):
        raise ServerUnavailable(
            f"the server that answers on {place.socket} is not that of {place.data}: stop it."
        )
    return ""


def let_create_roles(place: Place) -> None:
    """Let HMM's own role make other roles. Raises ServerUnavailable when the server does not answer."""
    try:
        with _connect(place) as connection:
            connection.execute(f"ALTER ROLE {clusters.ROLE} CREATEROLE")
    except psycopg.OperationalError as error:
        raise _failed(place, telling_line(str(error))) from error


def has_clients(place: Place) -> bool:
    """Say whether anybody but the asker is connected."""
    # A connection closed a moment ago is still in the list for a moment.
    deadline = time.monotonic() + CLOSING_PATIENCE_S
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    try:
        with _connect(place) as connection:
            while (row := connection.execute(query).fetchone()) and row[0]:
                if time.monotonic() > deadline:
                    return True
                time.sleep(0.02)
    except psycopg.OperationalError:
        return processes.says_ready(place)  # then it is full; else it lets nobody in yet or any more
    return False


def _failed(place: Place, why: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"the database in {place.base} does not start: {why}. The whole story is in {place.log}; "
        f"set that right, or set DATABASE_URL to a server of your own."
    )
