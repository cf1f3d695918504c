"""Django's system check of the database server, embedded or the person's own."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

OLDEST = 150000  # as `server_version_num` says it


@register(Tags.database)
def server_is_new_enough(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return an error for each database whose server is older than PostgreSQL 15."""
    return [_too_old(alias, version) for alias in databases or () if (version := _version(alias)) < OLDEST]


def _version(alias: str) -> int:
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)  # HMM runs on nothing else
    version: int = connection.pg_version
    return version


def _too_old(alias: str, version: int) -> Error:
    return Error(
        f"The server of database {alias!r} is PostgreSQL {version // 10000}; "
        f"HMM needs {OLDEST // 10000} or newer.",
        hint="Upgrade it, or leave DATABASE_URL empty to use the embedded PostgreSQL.",
        id="hmm.E001",
    )
