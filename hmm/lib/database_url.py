"""Which database HMM uses: the embedded PostgreSQL, or the user's own through DATABASE_URL."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "It looks like postgres://user:password@host:5432/name."
SCHEMES = ("postgres", "postgresql", "psql", "pgsql")


def database_settings(url: str, data_dir: Path, *, pooled: bool) -> dict[str, Any]:
    """Return Django's DATABASES entry for `url`, or for the embedded server when it is empty.

    `pooled` keeps a psycopg connection pool, for the threaded web process; processes that fork must not.
    Raises ImproperlyConfigured when the URL is not a PostgreSQL one.
    """
    options: dict[str, Any] = {"pool": {"min_size": 1, "max_size": 10, "timeout": 10}} if pooled else {}
    lasting: dict[str, Any] = {} if pooled else {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    if not url:
        embedded = {"ENGINE": "hmm.postgres", "NAME": "hmm", "USER": "hmm", "DATA_DIR": data_dir}
        return embedded | {"OPTIONS": options} | lasting
    return _parse(url) | {"OPTIONS": {"connect_timeout": 10} | options} | lasting


def _parse(url: str) -> dict[str, Any]:
    scheme = url.split("://", 1)[0]
    if scheme not in SCHEMES or "://" not in url:
        raise ImproperlyConfigured(
            f"DATABASE_URL must be a PostgreSQL address such as postgres://user:password@host:5432/name, "
            f"not one that begins with {scheme[:20]!r}."
        )
    try:
        parsed: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}. {EXAMPLE}") from error
    if not parsed.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL names no database: postgres://user:password@host:5432/NAME")
    return parsed | {"ENGINE": "django.db.backends.postgresql"}
