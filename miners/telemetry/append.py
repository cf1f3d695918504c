"""The short way into telemetry: for staged rows that are in order and go where nothing is stored.

Nearly every import is of that kind: a history from before HMM, or of new miners. What `merge` would do with such
rows, it does in a third of the time, as there is nothing to sort, to compare or to shorten.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from hmm.dirty import mark_miners_dirty
from miners.telemetry.rules import MAX_COVERED_S


class Candidate(NamedTuple):
    """A miner whose staged rows are in order: from `first` to `last`, in seconds since 1970.

    `before` is when the stored row before them is, None while that is not known or where there is none.
    """

    key: int
    miner_id: int
    poll_interval_s: int
    first: int
    last: int
    before: int | None = None


# The stored row after the first staged one tells: it is after the last one too, and begins no earlier. Of a
# miner whose rows are all newer than its latest nothing needs to be read.
APART = f"""
SELECT c.*, extract(epoch FROM CASE WHEN is_newer THEN l.timestamp ELSE before.timestamp END)::bigint
FROM unnest(%s::int[], %s::int[], %s::int[], %s::bigint[], %s::bigint[])
    AS c (key, miner_id, poll_interval_s, first, last)
JOIN miners_latestreading l ON l.miner_id = c.miner_id
CROSS JOIN LATERAL (SELECT coalesce(l.timestamp < to_timestamp(c.first), TRUE)) AS is_newer (is_newer)
LEFT JOIN LATERAL (
    SELECT t.timestamp FROM telemetry t
    WHERE NOT is_newer AND t.miner_id = c.miner_id AND t.timestamp < to_timestamp(c.first)
      AND t.timestamp >= to_timestamp(c.first - {MAX_COVERED_S}) AND t.timestamp >= to_timestamp(%s)
    ORDER BY t.timestamp DESC LIMIT 1
) before ON TRUE
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM t.timestamp) - t.covered_s AS start FROM telemetry t
    WHERE NOT is_newer AND t.miner_id = c.miner_id AND t.timestamp >= to_timestamp(c.first)
      AND t.timestamp <= to_timestamp(c.last + {MAX_COVERED_S}) AND t.timestamp <= to_timestamp(%s)
    ORDER BY t.timestamp LIMIT 1
) after ON TRUE
WHERE after.start IS NULL OR after.start >= c.last
"""

# The median gap of each key, from how often each gap is there: a miner has few different ones.
MEDIANS = """
SELECT key, (min(gap_s) FILTER (WHERE seen >= (rows + 1) / 2) + min(gap_s) FILTER (WHERE seen > rows / 2)) / 2.0
FROM (
    SELECT key, gap_s, sum(count(*)) OVER (PARTITION BY key ORDER BY gap_s)::bigint AS seen,
           sum(count(*)) OVER (PARTITION BY key)::bigint AS rows
    FROM telemetry_stage WHERE gap_s IS NOT NULL GROUP BY key, gap_s
) counted GROUP BY key
"""

PLACED = """(
    SELECT m.miner_id, s.at, LEAST({covered_s}, coalesce(s.gap_s, s.at - m.before)) AS covered_s,
           s.power_w, s.hashrate_ghs, s.temperature_c, s.fan_rpm, s.accepted, s.rejected
    FROM telemetry_stage s
    JOIN unnest(%(keys)s::int[], %(miner_ids)s::int[], %(usual_s)s::float8[], %(befores)s::bigint[])
        AS m (key, miner_id, usual_s, before) USING (key)
) AS placed"""

DECLARED = "s.covered_s"

DERIVED = f"""coalesce(s.covered_s, LEAST(
    CASE WHEN s.gap_s <= 2.5 * m.usual_s THEN s.gap_s ELSE floor(m.usual_s) END, {MAX_COVERED_S})::int)"""

STORE = """
INSERT INTO telemetry (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected)
SELECT miner_id, to_timestamp(at), covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected
FROM {placed}
"""

ADVANCE = """
UPDATE miners_latestreading l
SET timestamp = t.timestamp, covered_s = t.covered_s, power_w = t.power_w, hashrate_ghs = t.hashrate_ghs,
    temperature_c = t.temperature_c, fan_rpm = t.fan_rpm
FROM unnest(%(miner_ids)s::int[], %(lasts)s::bigint[]) AS m (miner_id, last)
JOIN telemetry t ON t.miner_id = m.miner_id AND t.timestamp = to_timestamp(m.last)
WHERE l.miner_id = m.miner_id AND (l.timestamp IS NULL OR l.timestamp < t.timestamp)
"""

# Whole hours, as in `merge`.
DIRTY = """
SELECT array_agg(miner_id), to_timestamp(lower(stretch) * 3600), to_timestamp(upper(stretch) * 3600)
FROM (
    SELECT miner_id, unnest(range_agg(int8range(first_hour, last_hour + 1))) AS stretch
    FROM (SELECT DISTINCT miner_id, (at - covered_s) / 3600, (at - 1) / 3600 FROM {placed})
        AS hours (miner_id, first_hour, last_hour)
    GROUP BY miner_id
) stretches
GROUP BY stretch ORDER BY stretch
"""


def find_apart(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return those of `candidates` among whose rows none is stored, with `before`.

    Their latest readings are locked before, so nothing moves.
    """
    asked = list(candidates)
    if not asked:
        return []
    keys, miner_ids, polls, firsts, lasts, _ = map(list, zip(*asked, strict=True))
    params: list[Any] = [keys, miner_ids, polls, firsts, lasts]
    params += [min(firsts) - MAX_COVERED_S, max(lasts) + MAX_COVERED_S]
    with connection.cursor() as cursor:
        cursor.execute(APART, params)
        return [Candidate(*row) for row in cursor.fetchall()]


def append_stage(miners: Sequence[Candidate], *, needs_covered_s: bool) -> int:
    """Store the staged rows of `miners`, in the running transaction. Returns how many there are.

    Advances their latest readings and appends the dirty ranges, as `merge` does.
    """
    with connection.cursor() as cursor:
        medians = _medians(cursor) if needs_covered_s else {}
        params = _params(miners, medians)
        placed = PLACED.format(covered_s=DERIVED if needs_covered_s else DECLARED)
        cursor.execute(STORE.format(placed=placed), params)
        stored = cursor.rowcount
        cursor.execute(ADVANCE, params)
        cursor.execute(DIRTY.format(placed=placed), params)
        stretches = cursor.fetchall()
    for miner_ids, start, end in stretches:
        mark_miners_dirty(miner_ids, start, end)
    return stored


def _medians(cursor: Any) -> dict[int, float]:
    cursor.execute(MEDIANS)
    return {key: float(median_s) for key, median_s in cursor.fetchall()}


def _params(miners: Sequence[Candidate], medians: dict[int, float]) -> dict[str, Any]:
    return {
        "keys": [miner.key for miner in miners],
        "miner_ids": [miner.miner_id for miner in miners],
        "usual_s": [float(medians.get(miner.key, miner.poll_interval_s)) for miner in miners],
        "befores": [miner.before for miner in miners],
        "lasts": [miner.last for miner in miners],
    }
