"""How far the replica is behind the primary, and whether that is near enough to read from it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError

from hmm.lib.impatient import impatient_cursor
from hmm.replica.route import REPLICA

log = logging.getLogger(__name__)

CHECK_S = 1.0
"""How long a measurement is good for."""

RETRY_S = 5.0
"""How long a replica that was not there is left alone."""

PRIMARY_NOW = "SELECT pg_current_wal_lsn()::text, clock_timestamp()"
REPLICA_NOW = """
SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false), pg_last_xact_replay_timestamp()
"""


@dataclass(frozen=True, slots=True)
class Replica:
    """What a measurement found: the lag in seconds, None where it cannot be told, and then why."""

    lag_s: float | None
    trouble: str = ""

    def is_fit(self, limit_s: float) -> bool:
        """Return whether it is at most `limit_s` seconds behind."""
        return self.lag_s is not None and self.lag_s <= limit_s


def lag_of(
    in_recovery: bool, caught_up: bool, last_replayed: datetime | None, primary_now: datetime
) -> Replica:
    """Return what an answer of the replica means.

    It is behind by the age of the last transaction that it has replayed, unless it has all that the primary had
    written: then by nothing, however quiet the primary is.
    """
    if not in_recovery:
        return Replica(None, "DATABASE_REPLICA_URL is no replica: it takes writes of its own")
    if caught_up:
        return Replica(0.0)
    if last_replayed is None:
        return Replica(None, "the replica has replayed nothing yet")
    return Replica(max(0.0, (primary_now - last_replayed).total_seconds()))


def measure() -> Replica:
    """Ask the primary and then the replica, each for a few seconds at most."""
    try:
        with impatient_cursor(DEFAULT_DB_ALIAS) as cursor:
            cursor.execute(PRIMARY_NOW)
            written_to, primary_now = cursor.fetchone()
        with impatient_cursor(REPLICA) as cursor:
            cursor.execute(REPLICA_NOW, [written_to])
            in_recovery, caught_up, last_replayed = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        return Replica(None, str(error).strip().split("\n")[0] or type(error).__name__)
    return lag_of(in_recovery, caught_up, last_replayed, primary_now)


class ReplicaWatch:
    """The last measurement, made anew when it is old. Of many threads one measures; the others take what was before."""

    def __init__(self, ask: Callable[[], Replica] = measure, monotonic: Callable[[], float] = time.monotonic):
        self._ask = ask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: Replica | None = None
        self._good_until_s = 0.0

    def look(self) -> Replica:
        """Return how the replica is."""
        if self._found is not None and self._monotonic() < self._good_until_s:
            return self._found
        if self._lock.acquire(blocking=self._found is None):
            try:
                self._note(self._ask())
            finally:
                self._lock.release()
        return self._found or Replica(None, "not looked at yet")

    def has_failed(self, trouble: str) -> None:
        """Leave the replica alone for a while: a request has found it wanting."""
        self._note(Replica(None, trouble))

    def _note(self, found: Replica) -> None:
        before = self._found.trouble if self._found else ""
        if found.trouble and not before:
            log.warning("pages are read from the primary: %s", found.trouble)
        elif before and not found.trouble:
            log.info("the replica answers again, %.1f s behind", found.lag_s)
        self._found = found
        self._good_until_s = self._monotonic() + (RETRY_S if found.trouble else CHECK_S)


watch = ReplicaWatch()


def has_replica() -> bool:
    """Return whether there is a DATABASE_REPLICA_URL."""
    return REPLICA in settings.DATABASES


def replica_lag_s() -> float | None:
    """Return how many seconds the replica is behind; None without one, or where it does not tell."""
    return watch.look().lag_s if has_replica() else None


def replica_trouble() -> str:
    """Return why the replica cannot be read, in one line; empty when it can, or there is none."""
    if not has_replica():
        return ""
    found = watch.look()
    if found.lag_s is not None and not found.is_fit(settings.REPLICA_LAG_S):
        return f"the replica is {found.lag_s:.0f} s behind, more than {settings.REPLICA_LAG_S} s"
    return found.trouble
