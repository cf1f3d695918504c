"""The statements that put rows among those that are there: clips, shortens, compares, remembers.

Everyone who stores telemetry comes through here, a tick of the collector with its rows in arrays as well
as an import with its rows in a staging table, so that there is one meaning of "first delivery wins" and
of "intervals never overlap".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from hmm.dirty import mark_miners_dirty
from miners.telemetry.rows import WriteResult
from miners.telemetry.rules import MAX_COVERED_S

LONGEST = timedelta(seconds=MAX_COVERED_S)

# {source} is a relation of (ordinal, delivery, miner_id, timestamp, covered_s, power_w, hashrate_ghs,
# temperature_c, fan_rpm, accepted, rejected, facts), in which `delivery` counts the rows of one miner and second
# in the order they came. The latest readings of its miners are locked before, so nothing moves.
MERGE = """
WITH given AS MATERIALIZED (
    SELECT * FROM {source}
),
spans AS MATERIALIZED (
    SELECT g.miner_id, min(g.timestamp) AS first, max(g.timestamp) AS last, l.timestamp AS latest
    FROM given g JOIN miners_latestreading l ON l.miner_id = g.miner_id
    GROUP BY g.miner_id, l.timestamp
),
-- What is stored where the given rows go, with one neighbour either side. Of a miner whose rows are all newer
-- than its latest, as in every tick of the collector, nothing needs to be read.
old AS MATERIALIZED (
    SELECT there.* FROM spans s CROSS JOIN LATERAL (
        SELECT * FROM telemetry t
        WHERE t.miner_id = s.miner_id AND t.timestamp BETWEEN s.first AND s.last
          AND t.timestamp BETWEEN %(first)s AND %(last)s
        OFFSET 0  -- keeps it a look-up in the index for each miner, never a scan of whole days
    ) there WHERE s.first <= s.latest
    UNION ALL
    SELECT before.* FROM spans s CROSS JOIN LATERAL (
        SELECT * FROM telemetry t
        WHERE t.miner_id = s.miner_id AND t.timestamp < s.first
          AND t.timestamp BETWEEN %(well_before)s AND %(last)s
        ORDER BY t.timestamp DESC LIMIT 1
    ) before WHERE s.first <= s.latest
    UNION ALL
    SELECT after.* FROM spans s CROSS JOIN LATERAL (
        SELECT * FROM telemetry t
        WHERE t.miner_id = s.miner_id AND t.timestamp > s.last
          AND t.timestamp BETWEEN %(first)s AND %(well_after)s
        ORDER BY t.timestamp LIMIT 1
    ) after WHERE s.last < s.latest
),
lined_up AS (
    SELECT FALSE AS is_new, miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
           accepted, rejected, NULL::jsonb AS facts
    FROM old
    UNION ALL
    SELECT FALSE, miner_id, latest, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM spans WHERE first > latest
    UNION ALL
    SELECT TRUE, miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
           accepted, rejected, facts
    FROM given g
    WHERE delivery = 1
      AND NOT EXISTS (SELECT FROM old o WHERE o.miner_id = g.miner_id AND o.timestamp = g.timestamp)
),
spaced AS (
    SELECT *, extract(epoch FROM timestamp - lag(timestamp) OVER in_time)::int AS gap_s,
           lead(timestamp) OVER in_time IS NULL AS is_last
    FROM lined_up WINDOW in_time AS (PARTITION BY miner_id ORDER BY timestamp)
),
placed AS MATERIALIZED (
    SELECT *, LEAST(covered_s, gap_s) AS clipped_s, is_new OR gap_s < covered_s AS is_changed FROM spaced
),
stored AS (
    INSERT INTO telemetry (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
                           accepted, rejected)
    SELECT miner_id, timestamp, clipped_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected
    FROM placed WHERE is_new
),
advanced AS (
    UPDATE miners_latestreading l
    SET timestamp = n.timestamp, covered_s = n.clipped_s, power_w = n.power_w, hashrate_ghs = n.hashrate_ghs,
        temperature_c = n.temperature_c, fan_rpm = n.fan_rpm,
        accepted_counter = coalesce((n.facts->>'accepted_counter')::bigint, l.accepted_counter),
        rejected_counter = coalesce((n.facts->>'rejected_counter')::bigint, l.rejected_counter),
        uptime_s = CASE WHEN n.facts IS NULL THEN l.uptime_s ELSE (n.facts->>'uptime_s')::bigint END,
        mode = coalesce(n.facts->>'mode', l.mode),
        firmware = coalesce(n.facts->>'firmware', l.firmware),
        pool_url = coalesce(n.facts->>'pool_url', l.pool_url),
        pool_user = coalesce(n.facts->>'pool_user', l.pool_user),
        frequency_mhz = CASE WHEN n.facts IS NULL THEN l.frequency_mhz ELSE (n.facts->>'frequency_mhz')::float8 END,
        core_voltage_mv = CASE WHEN n.facts IS NULL THEN l.core_voltage_mv ELSE (n.facts->>'core_voltage_mv')::float8 END,
        warnings = coalesce(n.facts->'warnings', l.warnings),
        facts_digest = CASE WHEN n.facts IS NULL THEN l.facts_digest END
    FROM placed n
    WHERE n.is_last AND n.is_changed AND l.miner_id = n.miner_id
      AND (l.timestamp IS NULL OR l.timestamp <= n.timestamp)
),
-- A second delivery is compared as it would have been stored.
repeated AS MATERIALIZED (
    SELECT g.*, (LEAST(g.covered_s, p.gap_s), g.power_w, g.hashrate_ghs, g.temperature_c, g.fan_rpm,
                 g.accepted, g.rejected)
            IS DISTINCT FROM
                (p.clipped_s, p.power_w, p.hashrate_ghs, p.temperature_c, p.fan_rpm, p.accepted, p.rejected)
            AS differs
    FROM (
        SELECT * FROM given WHERE delivery > 1
        UNION ALL
        SELECT g.* FROM given g JOIN old o ON o.miner_id = g.miner_id AND o.timestamp = g.timestamp
        WHERE g.delivery = 1
    ) g JOIN placed p ON p.miner_id = g.miner_id AND p.timestamp = g.timestamp
),
kept_aside AS (
    INSERT INTO miners_setaside (received_at, source, miner_name, reason, row)
    SELECT %(now)s, %(source_name)s, m.name, 'differs from the row stored for that second',
           to_jsonb(r) - '{{ordinal,miner_id,delivery,differs,facts}}'::text[]
    FROM repeated r JOIN miners_miner m ON m.id = r.miner_id WHERE r.differs
    ON CONFLICT DO NOTHING
),
-- Rounded, so that a tick of thousands of miners is one range or two. Of a row that was shortened, all of
-- it: it may now begin in another period than before.
hours AS (
    SELECT DISTINCT miner_id,
           date_bin(%(bin)s::interval, timestamp - interval '1 second' * CASE WHEN is_new THEN clipped_s ELSE covered_s END,
                    'epoch') AS start,
           date_bin(%(bin)s::interval, timestamp - interval '1 second', 'epoch') + %(bin)s::interval AS "end"
    FROM placed WHERE is_changed
),
stretches AS (
    SELECT miner_id, unnest(range_agg(tstzrange(start, "end"))) AS stretch FROM hours GROUP BY miner_id
)
SELECT (SELECT count(*) FROM placed WHERE is_new),
       (SELECT count(*) FROM repeated WHERE NOT differs),
       (SELECT count(*) FROM repeated WHERE differs),
       EXISTS (SELECT FROM placed WHERE is_changed AND NOT is_new),
       CASE WHEN %(by_row)s THEN ARRAY(SELECT ordinal FROM repeated WHERE NOT differs) END,
       CASE WHEN %(by_row)s THEN ARRAY(SELECT ordinal FROM repeated WHERE differs) END,
       d.miner_ids, lower(d.stretch), upper(d.stretch)
FROM (SELECT) AS one_row_at_least
LEFT JOIN (
    SELECT array_agg(miner_id) AS miner_ids, stretch FROM stretches GROUP BY stretch ORDER BY stretch
) d ON TRUE
"""

# Of each row given, the row after it begins no earlier. Only run where MERGE says that one does, so that its
# look-ups are those of late rows alone, and materialized, lest a table without statistics has them done for each of
# its rows.
SHORTEN = """
WITH late AS MATERIALIZED (
    SELECT given.miner_id, next.timestamp, extract(epoch FROM next.timestamp - given.timestamp)::int AS gap_s
    FROM {source} CROSS JOIN LATERAL (
        SELECT n.timestamp, n.covered_s FROM telemetry n
        WHERE n.miner_id = given.miner_id AND n.timestamp > given.timestamp
          AND n.timestamp BETWEEN %(first)s AND %(well_after)s
        ORDER BY n.timestamp LIMIT 1
    ) next
    WHERE next.timestamp - next.covered_s * interval '1 second' < given.timestamp
)
UPDATE telemetry t SET covered_s = late.gap_s FROM late
WHERE t.miner_id = late.miner_id AND t.timestamp = late.timestamp
  AND t.timestamp BETWEEN %(first)s AND %(well_after)s
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to merge: a relation in SQL with its parameters, and the first and last timestamp in it.

    `dirty_bin` is to what the dirty ranges are rounded: fine for a tick, which must not make a slot dirty again that
    has just been computed, coarse for a file, which must not leave a range for every gap.
    """

    relation: str
    params: dict[str, Any]
    first: datetime
    last: datetime
    dirty_bin: str = "1 hour"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did; with `by_row` also which rows, by ordinal, were there already or contradict a stored one."""

    result: WriteResult
    repeated: frozenset[int] = frozenset()
    conflicting: frozenset[int] = frozenset()


def merge(source: Source, *, source_name: str, now: datetime) -> WriteResult:
    """Store the rows of `source`, in the running transaction, which holds their miners' latest readings.

    Appends the dirty ranges. Rows that contradict a stored one are set aside under `source_name`.
    """
    return merge_by_row(source, source_name=source_name, now=now, by_row=False).result


def merge_by_row(source: Source, *, source_name: str, now: datetime, by_row: bool = True) -> Merged:
    """Store the rows of `source` as `merge` does, and say of each what became of it."""
    params = source.params | {
        "bin": source.dirty_bin,
        "first": source.first,
        "last": source.last,
        "well_before": source.first - LONGEST,
        "well_after": source.last + LONGEST,
        "source_name": source_name,
        "now": now,
        "by_row": by_row,
    }
    with connection.cursor() as cursor:
        cursor.execute(MERGE.format(source=source.relation), params)
        answers = cursor.fetchall()
        stored, unchanged, set_aside, shortens, repeated, conflicting = answers[0][:6]
        if shortens:
            cursor.execute(SHORTEN.format(source=source.relation), params)
    _mark_dirty(answers)
    result = WriteResult(stored, unchanged, set_aside)
    return Merged(result, frozenset(repeated or ()), frozenset(conflicting or ()))


def _mark_dirty(answers: Sequence[tuple[Any, ...]]) -> None:
    for *_, miner_ids, start, end in answers:
        if miner_ids:
            mark_miners_dirty(miner_ids, start, end)
