"""What is stored at a second of a miner and before it: what a late or repeated row is laid beside."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from miners.telemetry.merge import LONGEST

# OFFSET 0 keeps each a look-up in the index.
NEIGHBOURS = """
SELECT g.miner_id, g.timestamp, before.timestamp, there.covered_s
FROM unnest(%(miner_ids)s::int4[], %(times)s::timestamptz[]) AS g (miner_id, timestamp)
LEFT JOIN LATERAL (
    SELECT t.timestamp FROM telemetry t
    WHERE t.miner_id = g.miner_id AND t.timestamp < g.timestamp
      AND t.timestamp BETWEEN %(well_before)s AND %(last)s
    ORDER BY t.timestamp DESC LIMIT 1
) before ON TRUE
LEFT JOIN LATERAL (
    SELECT t.covered_s FROM telemetry t
    WHERE t.miner_id = g.miner_id AND t.timestamp = g.timestamp AND t.timestamp BETWEEN %(first)s AND %(last)s
    OFFSET 0
) there ON TRUE
"""


class Neighbours(NamedTuple):
    """The time of the stored row before a second, at most a week back, and what the row at that very second covers.

    None where there is no such row.
    """

    before: datetime | None
    covered_s: int | None


NOBODY = Neighbours(None, None)


def neighbours(seconds: Iterable[tuple[int, datetime]]) -> dict[tuple[int, datetime], Neighbours]:
    """Return what is stored beside each (miner id, whole second)."""
    asked = sorted(set(seconds))
    if not asked:
        return {}
    miner_ids, times = map(list, zip(*asked, strict=True))
    first, last = min(times), max(times)
    params = {
        "miner_ids": miner_ids,
        "times": times,
        "first": first,
        "last": last,
        "well_before": first - LONGEST,
    }
    with connection.cursor() as cursor:
        cursor.execute(NEIGHBOURS, params)
        return {
            (miner_id, at): Neighbours(before, covered_s)
            for miner_id, at, before, covered_s in cursor.fetchall()
        }
