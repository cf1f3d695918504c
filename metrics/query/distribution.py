"""How the readings of a range are distributed: covered seconds by value, from the sketches."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.query.cover import LONGEST_FIRST, cover
from metrics.query.prepared import prepared_state
from metrics.query.words import check_word
from metrics.sketches.quantities import QUANTITIES, QUANTITY_STEP, ZERO, estimate

CELLS = """
SELECT bucket, sum(seconds)::bigint FROM ({parts}) part
WHERE bucket >= %(low)s AND bucket < %(high)s GROUP BY bucket ORDER BY bucket
"""

PART = """
SELECT cell.bucket, cell.seconds FROM metrics_sketch s CROSS JOIN LATERAL unnest(s.buckets, s.seconds) AS cell(bucket, seconds)
WHERE s.period = '{period}' AND s.timestamp >= '{start}' AND s.timestamp < '{end}'
  AND s.entity_type = %(entity_type)s AND s.entity_id IS NOT DISTINCT FROM %(entity_id)s
"""


@dataclass(frozen=True, slots=True)
class Share:
    """So many covered seconds at about this value, at most 0.8 % off."""

    value: float
    seconds: int


def distribution(
    *,
    metric_type: str,
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> list[Share]:
    """Return the covered seconds of the whole hours in [start, end) that are over, by value, the least value first.

    Of a site and the system those of their miners' readings. One query more than the preparing. Raises UnknownWord
    for a type without sketches, and NotComputedYet.
    """
    now = now or timezone.now()
    check_word("type", metric_type, [quantity.name for quantity in QUANTITIES], of="percentiles")
    state = prepared_state("hourly", start, end, now)
    hours = state.cut.buckets("hourly", start, min(end, now))
    inside = [hour for hour in hours if hour.start >= start and hour.end <= min(end, now)]
    if not inside:
        return []
    segments = cover([Bucket(inside[0].start, inside[-1].end)], LONGEST_FIRST[:-1], state.marks, state.cut)
    parts = [PART.format(period=s.period, start=s.start.isoformat(), end=s.end.isoformat()) for s in segments]
    if not parts:
        return []
    number = next(quantity.number for quantity in QUANTITIES if quantity.name == metric_type)
    params = {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "low": number * QUANTITY_STEP,
        "high": (number + 1) * QUANTITY_STEP,
    }
    with connection.cursor() as cursor:
        cursor.execute(CELLS.format(parts=" UNION ALL ".join(parts)), params)
        return [
            Share(estimate(bucket % QUANTITY_STEP - ZERO), seconds) for bucket, seconds in cursor.fetchall()
        ]
