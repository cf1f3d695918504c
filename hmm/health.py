"""`GET /healthz`: is the house alive, for a load balancer, a container runtime or a friend's script."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from hmm.models import Heartbeat

MUST_LIVE = ("worker", "collector")
SILENT_AFTER = timedelta(seconds=90)


def beat(service: str, now: datetime) -> None:
    """Record a sign of life of `service`."""
    Heartbeat.objects.update_or_create(service=service, defaults={"at": now})


def silent_services(now: datetime) -> dict[str, str]:
    """Return, for each service that must live and has been silent too long, since when."""
    beats = dict(Heartbeat.objects.filter(service__in=MUST_LIVE).values_list("service", "at"))
    return {name: _since(beats.get(name)) for name in MUST_LIVE if _is_silent(beats.get(name), now)}


def _is_silent(at: datetime | None, now: datetime) -> bool:
    return at is None or now - at > SILENT_AFTER


def _since(at: datetime | None) -> str:
    return "never seen" if at is None else f"silent since {at.isoformat(timespec='seconds')}"


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database, worker and collector are alive, else 503 naming what is not."""
    try:
        dead = silent_services(timezone.now())
    except (DatabaseError, InterfaceError) as error:
        dead = {"database": str(error).splitlines()[0] if str(error) else type(error).__name__}
    status = 503 if dead else 200
    return JsonResponse({"status": "ok" if not dead else "failing", "failing": dead}, status=status)
