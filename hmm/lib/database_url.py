"""Which database HMM uses: the embedded PostgreSQL, or the user's own through DATABASE_URL."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "It looks like postgres://user:password@host:5432/name."
USUAL_OPTIONS = {"connect_timeout": 10}  # s; options of the connection that a URL gives win over these
SCHEMES = ("postgres", "postgresql", "psql", "pgsql")


def database_settings(url: str, data_dir: Path, *, pooled: bool) -> dict[str, Any]:
    """Return Django's DATABASES entry for `url`, or for the embedded server when it is empty.

    Behind a ? the URL may say what libpq is to do with the connection: `?sslmode=verify-full&sslrootcert=/path`.
    `pooled` keeps a psycopg connection pool, for the threaded web process; processes that fork must not.
    Raises ImproperlyConfigured when the URL is not a PostgreSQL one.
    """
    if not url:
        options, lasting = _connections(pooled)
        embedded = {"ENGINE": "hmm.postgres", "NAME": "hmm", "USER": "hmm", "DATA_DIR": data_dir}
        return embedded | {"OPTIONS": options} | lasting
    return _on_server(_parse(url), USUAL_OPTIONS, pooled=pooled)


def _on_server(parsed: dict[str, Any], usual: dict[str, Any], *, pooled: bool) -> dict[str, Any]:
    options, lasting = _connections(pooled)
    told = parsed.get("OPTIONS", {})  # what the URL says of the connection, such as sslmode
    # Behind a pooler of transactions neither a cursor nor a prepared statement outlives its transaction.
    return parsed | {"OPTIONS": usual | told | options, "DISABLE_SERVER_SIDE_CURSORS": True} | lasting


def _connections(pooled: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    if pooled:
        return {"pool": {"min_size": 1, "max_size": 10, "timeout": 10}}, {}
    return {}, {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}


REPLICA_OPTIONS = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,  # ms
}
"""A replica that is gone without a word must not hold up a page that the primary can answer."""


def replica_settings(url: str, *, pooled: bool) -> dict[str, dict[str, Any]]:
    """Return the entry of DATABASES for the replica at `url`, by its name; nothing where there is none.

    Raises ImproperlyConfigured when the URL is not a PostgreSQL one.
    """
    if not url:
        return {}
    settings = _on_server(_parse(url, "DATABASE_REPLICA_URL"), REPLICA_OPTIONS, pooled=pooled)
    return {"replica": settings | {"TEST": {"MIRROR": "default"}}}


def _parse(url: str, variable: str = "DATABASE_URL") -> dict[str, Any]:
    scheme = url.split("://", 1)[0]
    if scheme not in SCHEMES or "://" not in url:
        raise ImproperlyConfigured(
            f"{variable} must be a PostgreSQL address such as postgres://user:password@host:5432/name, "
            f"not one that begins with {scheme[:20]!r}."
        )
    try:
        parsed: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable} cannot be read: {error}. {EXAMPLE}") from error
    if not parsed.get("NAME"):
        raise ImproperlyConfigured(f"{variable} names no database: postgres://user:password@host:5432/NAME")
    return parsed | {"ENGINE": "django.db.backends.postgresql"}
