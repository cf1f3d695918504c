"""The installation's time zone and currency, kept in the database."""

from typing import Any

from django.conf import settings
from django.core.cache import cache

from hmm.models import Installation

CACHE_KEY = "hmm:installation"


def installation() -> Installation:
    """Return the installation, made from HMM_TIME_ZONE and HMM_CURRENCY on a fresh database."""
    found = cache.get(CACHE_KEY)
    if found is None:
        found, _ = Installation.objects.get_or_create(pk=1, defaults=first_values())
        cache.set(CACHE_KEY, found, 10)
    return found


def first_values() -> dict[str, Any]:
    """Return what a fresh installation starts with."""
    return {"time_zone": settings.DEFAULT_TIME_ZONE, "currency": settings.DEFAULT_CURRENCY}
