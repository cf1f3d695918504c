"""The embedded server's life: started when first needed, shared, recovered, stopped by the last to leave."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hmm.postgres import binaries, clusters, locks, logs, places, processes, startup
from hmm.postgres.errors import ServerUnavailable, reason
from hmm.postgres.places import Place

LOCK_PATIENCE_S = 300.0
LONGEST_BACK_OFF_S = 30.0


@dataclass(frozen=True)
class ConnectionParams:
    """How to reach the server: `host` is the socket's directory."""

    host: str
    port: int
    user: str
    dbname: str


class EmbeddedServer:
    """The PostgreSQL server of one data directory, shared by every process that names the same directory.

    Every method raises ServerUnavailable, one line with the remedy, when it cannot do what it says.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._presence = locks.Presence(data_dir / "postgres.users")
        self._place: Place | None = None  # once the server has been seen to answer
        self._failures = 0
        self._retry_at = 0.0
        self._refusal: ServerUnavailable | None = None

    def ensure_running(self) -> ConnectionParams:
        """Start the server, making its database first, or take up the one that runs.

        From here on this process counts as one of its users. After a failure further attempts are refused
        for a while, twice as long each time up to 30 s, unless somebody else has started it meanwhile.
        """
        if self._refusal and time.monotonic() < self._retry_at and not self.is_running():
            raise self._refusal
        try:
            with self._locked():
                self._presence.enter()
                place = places.find_place(self.data_dir) or places.make_place(self.data_dir)
                startup.bring_up(place)
        except (ServerUnavailable, OSError) as error:
            raise self._back_off(error) from error
        self._place, self._refusal, self._failures = place, None, 0
        return _params(place)

    def attach(self) -> ConnectionParams:
        """Return how to connect; the server is looked after only at this process's first call."""
        if self._place is None:
            return self.ensure_running()
        if logs.is_long(self._place.log):
            with self._locked():
                logs.rotate(self._place.log)
        return _params(self._place)

    def is_running(self) -> bool:
        """Say whether a server takes connections, without starting or waiting for one."""
        place = places.find_place(self.data_dir)
        return place is not None and startup.is_listening(place)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server whoever uses it: `smart` waits for them, `fast` cuts them off, `immediate` is a crash.

        A server that does not heed is ended by force after some 20 s, and recovers at its next start.
        """
        with self._locked():
            self._presence.leave()
            place = places.find_place(self.data_dir)
            if place is not None and (found := processes.postmaster(place)):
                processes.end_postmaster(found, place, mode)

    def stop_if_last(self) -> bool:
        """Stop the server if HMM started it and nobody else uses it. Returns whether it was stopped."""
        if not self._presence.entered or self._refusal or not self.data_dir.exists():
            return False
        with self._locked():
            place = places.find_place(self.data_dir)
            if not self._presence.leave() or place is None:
                return False
            found = processes.postmaster(place)
            if not found or not processes.was_started_by_hmm(found, place) or startup.has_clients(place):
                return False
            processes.end_postmaster(found, place, "fast")
            return True

    def let_create_roles(self) -> None:
        """Let HMM's own role make other roles, which it may not before."""
        self.ensure_running()
        assert self._place  # it runs
        startup.let_create_roles(self._place)

    def program(self, name: str) -> Path:
        """Return one of PostgreSQL's programs (`psql`, `pg_dump`) in the version of the database."""
        place = places.find_place(self.data_dir)
        major = clusters.major_version(place) if place else None
        return binaries.find_programs(major).path(name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locks.exclusive(self.data_dir / "postgres.lock", LOCK_PATIENCE_S):
            yield

    def _back_off(self, error: ServerUnavailable | OSError) -> ServerUnavailable:
        refusal = error if isinstance(error, ServerUnavailable) else _as_refusal(error, self.data_dir)
        self._refusal = refusal
        self._retry_at = time.monotonic() + min(2.0**self._failures, LONGEST_BACK_OFF_S)
        self._failures += 1
        return refusal


def _params(place: Place) -> ConnectionParams:
    return ConnectionParams(str(place.socket_dir), places.PORT, clusters.ROLE, clusters.DATABASE)


def _as_refusal(error: OSError, data_dir: Path) -> ServerUnavailable:
    return ServerUnavailable(
        f"the database in {data_dir} cannot be started: {reason(error)}. Set that right, "
        f"or set HMM_DATA_DIR or DATABASE_URL."
    )
