"""The installation's time zone and currency, kept in the database."""

import time
from typing import Any

from django.conf import settings
from django.db import connection

from hmm.models import Installation

REMEMBER_S = 5.0
"""A change made by another process is seen at the latest after so long."""

_remembered: dict[tuple[Any, ...], tuple[float, Installation]] = {}


def installation() -> Installation:
    """Return the installation, made from HMM_TIME_ZONE and HMM_CURRENCY on a fresh database."""
    settings_of = connection.settings_dict.get  # looked up once: `connection` is another for each thread
    database = tuple(map(settings_of, ("HOST", "PORT", "NAME", "DATA_DIR")))
    at, found = _remembered.get(database, (0.0, None))
    if found is None or time.monotonic() - at > REMEMBER_S:
        found, _ = Installation.objects.get_or_create(pk=1, defaults=first_values())
        _remembered[database] = (time.monotonic(), found)
    return found


def forget_installation() -> None:
    """Read the installation anew: this process has changed it, or a test has."""
    _remembered.clear()


def first_values() -> dict[str, Any]:
    """Return what a fresh installation starts with."""
    return {"time_zone": settings.DEFAULT_TIME_ZONE, "currency": settings.DEFAULT_CURRENCY}
