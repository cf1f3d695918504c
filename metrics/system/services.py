"""The services, by their signs of life."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.health import MUST_LIVE, silent_services
from hmm.models import Heartbeat
from metrics.system.base import Block, blocks


@dataclass(frozen=True, slots=True)
class Service:
    """A service, its last sign of life, and whether that is too long ago."""

    name: str
    at: datetime | None
    is_silent: bool


def context(now: datetime) -> dict[str, Any]:
    """Return the services that must live, and how they are."""
    beats = dict(Heartbeat.objects.values_list("service", "at"))
    silent = silent_services(beats, now)
    return {"services": [Service(name, beats.get(name), name in silent) for name in MUST_LIVE]}


blocks.register("services", Block("services", "Services", 10, "metrics/system/_services.html", context))
