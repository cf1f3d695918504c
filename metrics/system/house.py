"""What HMM runs on: versions, and how large the database is and grows."""

import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from hmm.replica.route import connection
from hmm.system_metrics.statistics.database import size
from metrics.system.base import Block, blocks

GROWTH_SPAN = timedelta(days=1)
PACKAGES = ("Django", "psycopg", "django-q2", "django-htmx", "gunicorn")

# The size that was written first since then, and the versions: one look at the database.
FOUND = """
SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
    pg_database_size(current_database()), earlier.time, earlier.value
FROM (SELECT 1) one LEFT JOIN LATERAL (
    SELECT time, value FROM system_metrics
    WHERE metric_name = %(name)s AND service = %(service)s AND time >= %(since)s ORDER BY time LIMIT 1
) earlier ON TRUE
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How many bytes the database has grown by, negative where it shrank, and in which time."""

    size_bytes: int
    span: timedelta

    @property
    def has_shrunk(self) -> bool:
        """Whether there is less than before."""
        return self.size_bytes < 0

    @property
    def changed_bytes(self) -> int:
        """By how many bytes, whichever way."""
        return abs(self.size_bytes)


def context(now: datetime) -> dict[str, Any]:
    """Return versions by name, the database's size and its growth, None before anything was written of it. One query."""
    statistic = size.statistic
    since: dict[str, Any] = {"name": statistic.name, "service": statistic.service, "since": now - GROWTH_SPAN}
    with connection.cursor() as cursor:
        cursor.execute(FOUND, since)
        server, timescale, size_bytes, at, before = cursor.fetchone()
    return {
        "versions": _versions(server, timescale),
        "size_bytes": size_bytes,
        "growth": Growth(size_bytes - int(before), now - at) if at is not None else None,
    }


def _versions(server: str, timescale: str | None) -> list[tuple[str, str]]:
    return [
        ("Python", platform.python_version()),
        *((package, version(package)) for package in PACKAGES),
        ("PostgreSQL", server),
        ("TimescaleDB", timescale or "not loaded"),
    ]


blocks.register("house", Block("house", "Database and versions", 35, "metrics/system/_house.html", context))
