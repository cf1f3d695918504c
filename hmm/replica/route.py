"""Where the running request reads from: the primary, unless the middleware has chosen the replica for it."""

from contextvars import ContextVar
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

REPLICA = "replica"
"""The replica's name in DATABASES."""

_alias: ContextVar[str] = ContextVar("reads_from", default=DEFAULT_DB_ALIAS)


def reads_from() -> str:
    """Return the name of the database to read from. In a transaction on the primary that is the primary."""
    if _alias.get() == REPLICA and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return REPLICA
    return DEFAULT_DB_ALIAS


def use_replica() -> None:
    """Read from the replica from here on, until `use_primary`."""
    _alias.set(REPLICA)


def use_primary() -> bool:
    """Read from the primary for the rest of the request. Returns whether it was the replica until now."""
    was_replica = _alias.get() == REPLICA
    _alias.set(DEFAULT_DB_ALIAS)
    return was_replica


class _ReadConnection:
    """Stands for the connection that `reads_from` names at the moment of each use."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[reads_from()], name)


connection = cast(BaseDatabaseWrapper, _ReadConnection())
"""Use it in the place of `django.db.connection` for SQL that only reads, and may read what is seconds old."""


class ReplicaRouter:
    """Django's part: the ORM reads where `reads_from` says, and writes to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return where to read."""
        return reads_from()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Return the primary, where the rest of the request then reads too: it must see what it has written."""
        use_primary()
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Rows of both are rows of the same database."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """What the primary has, the replica has."""
        return db != REPLICA
