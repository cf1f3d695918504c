"""Which stretches of time have figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from hmm.lib.buckets import Bucket

FIRST_SLOT = "SELECT min(timestamp) FROM metrics_rollup WHERE period = 'slot'"

WITH_FIGURES = """
SELECT bucket.start FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS bucket(start, stop)
WHERE EXISTS (SELECT FROM metrics_rollup r WHERE r.period = %(period)s AND r.timestamp >= bucket.start
              AND r.timestamp < bucket.stop AND r.entity_type <> 'pool')
"""


def first_slot() -> datetime | None:
    """Return the first slot that has a row, None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_SLOT)
        first: datetime | None = cursor.fetchone()[0]
        return first


def with_figures(found: Sequence[Bucket], period: str) -> set[datetime]:
    """Return the starts of those buckets in which the store has a row of `period`, pools' aside."""
    params: dict[str, Any] = {
        "starts": [b.start for b in found],
        "ends": [b.end for b in found],
        "period": period,
    }
    with connection.cursor() as cursor:
        cursor.execute(WITH_FIGURES, params)
        return {start for (start,) in cursor.fetchall()}
