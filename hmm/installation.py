"""The installation's time zone and currency, kept in the database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from hmm.models import Installation

REMEMBER_S = 5.0
"""A change made by another process is seen at the latest after so long."""

Database = tuple[Any, ...]
_remembered: dict[Database, tuple[float, Installation]] = {}
_held: ContextVar[dict[Database, Installation] | None] = ContextVar("held_installation", default=None)


def installation() -> Installation:
    """Return the installation, made from HMM_TIME_ZONE and HMM_CURRENCY on a fresh database."""
    settings_of = connection.settings_dict.get  # looked up once: `connection` is another for each thread
    database = tuple(map(settings_of, ("HOST", "PORT", "NAME", "DATA_DIR")))
    held = _held.get()
    if held is None:
        return _fresh(database)
    if database not in held:
        held[database] = _fresh(database)
    return held[database]


@contextmanager
def one_installation() -> Iterator[None]:
    """Within, the installation stays as it was when it was first asked for: figures and their keys fit together.

    Blocks may lie within each other; each has its own.
    """
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def _fresh(database: Database) -> Installation:
    at, found = _remembered.get(database, (0.0, None))
    if found is None or time.monotonic() - at > REMEMBER_S:
        found, _ = Installation.objects.get_or_create(pk=1, defaults=first_values())
        _remembered[database] = (time.monotonic(), found)
    return found


def change_installation(time_zone: str, currency: str) -> list[str]:
    """Keep another time zone and currency; return the names of what has changed. See hmm.admin for what that means."""
    found, _ = Installation.objects.get_or_create(pk=1, defaults=first_values())
    wanted = {"time_zone": time_zone, "currency": currency}
    changed = [name for name, value in wanted.items() if getattr(found, name) != value]
    for name in changed:
        setattr(found, name, wanted[name])
    found.full_clean()
    found.save(update_fields=changed)
    transaction.on_commit(forget_installation)
    return changed


def forget_installation() -> None:
    """Read the installation anew: this process has changed it, or a test has. That of an outer block stays."""
    _remembered.clear()
    if held := _held.get():
        held.clear()


def first_values() -> dict[str, Any]:
    """Return what a fresh installation starts with."""
    return {"time_zone": settings.DEFAULT_TIME_ZONE, "currency": settings.DEFAULT_CURRENCY}
