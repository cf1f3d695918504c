"""`GET /healthz`: is the house alive, for a load balancer, a container runtime or a friend's script."""

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.lib.impatient import impatient_cursor
from hmm.models import Heartbeat
from hmm.spool_state import SpoolState, read_states

log = logging.getLogger(__name__)

MUST_LIVE = ("worker", "collector")
SILENT_AFTER = timedelta(seconds=90)
ANSWER_LASTS_S = 1.0
CANNOT_BE_ASKED = "cannot be asked: HMM's log says why"
"""Of the database, to everyone: an error of its own may name hosts, users and databases."""


def beat(service: str, now: datetime) -> None:
    """Record a sign of life of `service`."""
    Heartbeat.objects.update_or_create(service=service, defaults={"at": now})


def last_beat(service: str) -> datetime | None:
    """Return the last sign of life of `service`, None where there has been none."""
    return Heartbeat.objects.filter(service=service).values_list("at", flat=True).first()


def silent_services(beats: dict[str, datetime], now: datetime) -> dict[str, str]:
    """Return, for each service that must live and whose last beat is too old, since when it is silent."""
    return {name: _since(beats.get(name)) for name in MUST_LIVE if _is_silent(beats.get(name), now)}


def _is_silent(at: datetime | None, now: datetime) -> bool:
    return at is None or now - at > SILENT_AFTER


def _since(at: datetime | None) -> str:
    return "never seen" if at is None else f"silent since {at.isoformat(timespec='seconds')}"


def read_beats() -> dict[str, datetime]:
    """Return the last beat of each service, asked for within seconds. Raises DatabaseError or InterfaceError."""
    with impatient_cursor() as cursor:
        cursor.execute(f"SELECT service, at FROM {Heartbeat._meta.db_table}")
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Health:
    """What is not alive and why, and what collectors keep on disk while the database is away."""

    failing: dict[str, str] = field(default_factory=dict)
    spooling: list[dict[str, Any]] = field(default_factory=list)


class _Answer:
    """How things are, looked up at most once a second however many ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._health = Health()
        self._good_until = -1.0

    def health(self, now: datetime) -> Health:
        """Return how things are; nothing fails when all is well."""
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._health = look(now)
                self._good_until = time.monotonic() + ANSWER_LASTS_S
            return self._health

    def forget(self) -> None:
        """Look again at the next question."""
        self._good_until = -1.0


answer = _Answer()


def look(now: datetime) -> Health:
    """Return how things are at `now`.

    A collector that spools is alive; a spool that is full loses readings, and so fails.
    """
    spools = [state for state in read_states(settings.DATA_DIR) if state.since is not None]
    failing = look_for_failures(now)
    if full := [_full(state) for state in spools if state.full_since and state.is_fresh(now)]:
        failing["spool"] = "; ".join(full)
    return Health(failing, [state.says() | {"alive": state.is_fresh(now)} for state in spools])


def _full(state: SpoolState) -> str:
    return f"full since {state.full_since:%Y-%m-%dT%H:%M:%S%z}: {state.lost} readings lost"


class _Trouble:
    """Says in the log why the database cannot be asked, once for each reason, and that it can be again."""

    def __init__(self) -> None:
        self._reason = ""

    def note(self, reason: str = "") -> None:
        """Take note of why it could not be asked, or that it could."""
        if reason and reason != self._reason:
            log.warning("the database cannot be asked how things are: %s", reason)
        elif self._reason and not reason:
            log.info("the database can be asked again")
        self._reason = reason


_trouble = _Trouble()


def look_for_failures(now: datetime) -> dict[str, str]:
    """Return what is not alive at `now`, and why."""
    try:
        beats = read_beats()
    except (DatabaseError, InterfaceError) as error:
        _trouble.note((str(error).strip() or type(error).__name__).splitlines()[0])
        return {"database": CANNOT_BE_ASKED}
    _trouble.note()
    return silent_services(beats, now)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database, worker and collector are alive, else 503 naming what is not.

    `spooling` tells what collectors keep on disk that is not in the database yet.
    """
    health = answer.health(timezone.now())
    body: dict[str, Any] = {"status": "failing" if health.failing else "ok", "failing": health.failing}
    if health.spooling:
        body["spooling"] = health.spooling
    return JsonResponse(body, status=503 if health.failing else 200)
