"""Which stretches of time have telemetry, and which have figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from hmm.lib.buckets import Bucket

FIRST_TELEMETRY = """
SELECT min(first.timestamp - make_interval(secs => first.covered_s)) FROM miners_miner m CROSS JOIN LATERAL (
    SELECT timestamp, covered_s FROM telemetry WHERE miner_id = m.id ORDER BY timestamp LIMIT 1
) first
"""

FIRST_SLOT = "SELECT min(timestamp) FROM metrics_rollup WHERE period = 'slot'"

BUCKETS = "unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS bucket(start, stop)"

WITH_TELEMETRY = f"""
SELECT bucket.start FROM {BUCKETS}
WHERE EXISTS (SELECT FROM telemetry t WHERE t.timestamp > bucket.start AND t.timestamp <= bucket.stop)
"""

WITH_FIGURES = f"""
SELECT bucket.start FROM {BUCKETS}
WHERE EXISTS (SELECT FROM metrics_rollup r WHERE r.period = %(period)s AND r.timestamp >= bucket.start
              AND r.timestamp < bucket.stop)
"""


def first_telemetry() -> datetime | None:
    """Return when the first row of telemetry begins, None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_TELEMETRY)
        first: datetime | None = cursor.fetchone()[0]
        return first


def first_slot() -> datetime | None:
    """Return the first slot that has a row, None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_SLOT)
        first: datetime | None = cursor.fetchone()[0]
        return first


def with_telemetry(found: Sequence[Bucket]) -> set[datetime]:
    """Return the starts of those buckets in which a row of telemetry ends."""
    return _starts(WITH_TELEMETRY, found)


def with_figures(found: Sequence[Bucket], period: str) -> set[datetime]:
    """Return the starts of those buckets in which the store has a row of `period`."""
    return _starts(WITH_FIGURES, found, period)


def _starts(sql: str, found: Sequence[Bucket], period: str = "") -> set[datetime]:
    params: dict[str, Any] = {
        "starts": [b.start for b in found],
        "ends": [b.end for b in found],
        "period": period,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {start for (start,) in cursor.fetchall()}
