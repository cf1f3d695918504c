"""Reads telemetry for the rest of the floor. No other package names its tables."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from miners.models import LatestReading, Telemetry

SPANS = """
SELECT l.miner_id, first.start, l.timestamp
FROM miners_latestreading l CROSS JOIN LATERAL (
    SELECT timestamp - covered_s * interval '1 second' AS start
    FROM telemetry t WHERE t.miner_id = l.miner_id ORDER BY t.timestamp LIMIT 1
) first
WHERE l.miner_id = ANY(%s)
"""


def latest_telemetry(miner_ids: Iterable[int]) -> dict[int, LatestReading]:
    """Return the newest reading of each of these miners that has one, by miner id."""
    return LatestReading.objects.filter(timestamp__isnull=False).in_bulk(list(miner_ids))


def telemetry_spans(miner_ids: Iterable[int]) -> dict[int, tuple[datetime, datetime]]:
    """Return from when until when there is telemetry, for each of these miners that has any."""
    with connection.cursor() as cursor:
        cursor.execute(SPANS, [list(miner_ids)])
        return {miner_id: (start, end) for miner_id, start, end in cursor.fetchall()}


def rows_between(miner_id: int, start: datetime, end: datetime) -> list[Telemetry]:
    """Return the rows of a miner with start < timestamp ≤ end, oldest first."""
    rows = Telemetry.objects.filter(miner_id=miner_id, timestamp__gt=start, timestamp__lte=end)
    return list(rows.order_by("timestamp"))
