"""Covered seconds a bucket: from telemetry, from the sketches of miners, from sketches of shorter periods.

Each query here selects cells: (place, bucket, seconds). A place says whose and when: the kind of entity, its id, and
the number of the stretch of time, in one bigint, by which grouping and sorting are quick.
"""

from datetime import datetime
from math import ceil

from metrics.sketches.quantities import QUANTITIES, bucket_sql
from miners.telemetry.rules import MAX_COVERED_S

KINDS = ("miner", "site", "system")
NUMBER_BITS = 20
ENTITY_BITS = 31


def place_sql(kind: int | str, entity_id: str, number: str) -> str:
    """Return the SQL expression of a place; `kind` is the position in KINDS, the others are SQL."""
    whose = f"(({kind})::bigint << {ENTITY_BITS} | ({entity_id})::bigint)"
    return f"({whose} << {NUMBER_BITS} | ({number}))"


KIND_OF = f"(place >> {NUMBER_BITS + ENTITY_BITS})::int"
ENTITY_OF = f"(place >> {NUMBER_BITS} & {2**ENTITY_BITS - 1})::int"
NUMBER_OF = f"(place & {2**NUMBER_BITS - 1})::int"

PACKED_BITS = 18
PACKED_MINER = f"(packed >> {PACKED_BITS}) / {{pieces}}"
PACKED_NUMBER = f"(packed >> {PACKED_BITS}) %% {{pieces}}"
PACKED_BUCKET = f"(packed & {2**PACKED_BITS - 1})::int"

BUCKETS = ", ".join(q.name for q in QUANTITIES)
VALUES = ", ".join(f"{bucket_sql(q)} AS {q.name}" for q in QUANTITIES)
PACKED = ", ".join(
    f"(miner_id::bigint * {{pieces}} + n) << {PACKED_BITS} | {q.name} AS {q.name}" for q in QUANTITIES
)
END_S = "(date_part('epoch', t.timestamp) - {start_s})::int AS end_s"

# One pass for all quantities, each in a hash table of its own. Miner, piece and bucket ride in one number, which is
# hashed in half the time that three columns take; pieces are numbered densely, since PostgreSQL's hash of a bigint
# folds its halves and makes sparse ones collide. OFFSET 0 has each expression computed once a row. A row counts in
# the piece in which it ends; what it covers of the piece before a boundary comes beside it, by the index: intervals
# of a miner never overlap, so that only the first row after a boundary can reach over it.
OF_TELEMETRY = f"""
SELECT {place_sql(0, PACKED_MINER, f"{PACKED_NUMBER} + {{first}}")} AS place, {PACKED_BUCKET} AS bucket, seconds
FROM (
    SELECT coalesce({BUCKETS}) AS packed, sum(sec) AS seconds
    FROM (
        SELECT least(covered_s, (end_s - 1) %% {{length_s}} + 1) AS sec, {PACKED.replace("+ n)", "+ (end_s - 1) / {length_s})")}
        FROM (
            SELECT t.miner_id, t.covered_s, {END_S}, {VALUES} FROM telemetry t
            WHERE t.timestamp > to_timestamp({{start_s}}) AND t.timestamp <= to_timestamp({{end_s}})
              AND ({{everyone}} OR t.miner_id = ANY(%(miner_ids)s)) OFFSET 0
        ) reading
        UNION ALL
        SELECT least(stop_s - end_s + covered_s, {{length_s}}), {PACKED}
        FROM (
            SELECT t.miner_id, t.covered_s, {END_S}, {VALUES}, n, stop_s
            FROM unnest(%(miner_ids)s::int[]) AS miner(id)
            CROSS JOIN LATERAL (
                SELECT n, least((n + 1) * {{length_s}}, {{stretch_s}}) AS stop_s FROM generate_series(0, {{pieces}} - 1) n
            ) boundary
            CROSS JOIN LATERAL (
                SELECT * FROM telemetry WHERE miner_id = miner.id AND timestamp > to_timestamp({{start_s}} + stop_s)
                    AND timestamp < to_timestamp({{start_s}} + stop_s + {MAX_COVERED_S}) ORDER BY timestamp LIMIT 1
            ) t OFFSET 0
        ) after WHERE end_s - covered_s < stop_s
    ) counted
    GROUP BY GROUPING SETS ({", ".join(f"({q.name})" for q in QUANTITIES)})
) cell WHERE packed IS NOT NULL
"""

SPAN = """
unnest(%(sketch_miner)s::int[], %(sketch_site)s::int[], %(sketch_since_s)s::bigint[], %(sketch_until_s)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
"""


def of_telemetry(
    start: datetime, end: datetime, length_s: int, *, first: int = 0, everyone: bool = False
) -> str:
    """Return the query of the miners' cells in [start, end), cut every `length_s` seconds and numbered from `first`.

    Its parameter is `miner_ids`; `everyone` says that these are all the miners there are.
    """
    return OF_TELEMETRY.format(
        start_s=int(start.timestamp()),
        end_s=int(end.timestamp()),
        stretch_s=int((end - start).total_seconds()),
        length_s=length_s,
        pieces=ceil((end - start).total_seconds() / length_s),
        first=first,
        everyone=everyone,
    )


OF_MINERS = f"""
WITH site AS (
    SELECT span.site_id, bucket.n, cell.bucket, sum(cell.seconds) AS seconds
    FROM unnest(%(start)s::timestamptz[]) WITH ORDINALITY AS bucket(start, n)
    JOIN metrics_sketch s ON s.timestamp = bucket.start
    JOIN {SPAN} ON span.miner_id = s.entity_id
       AND s.timestamp >= to_timestamp(span.start_s) AND s.timestamp < to_timestamp(span.end_s)
    CROSS JOIN LATERAL unnest(s.buckets, s.seconds) AS cell(bucket, seconds)
    WHERE s.period = %(period)s AND s.entity_type = 'miner' AND s.timestamp >= %(low)s AND s.timestamp < %(high)s
    GROUP BY span.site_id, bucket.n, cell.bucket
)
SELECT {place_sql(1, "site_id", "n - 1")} AS place, bucket, seconds FROM site
UNION ALL
SELECT {place_sql(2, "0", "n - 1")}, bucket, sum(seconds) FROM site GROUP BY n, bucket
"""
"""The cells of sites and the system, from the sketches of miners in the same period."""

KIND = "CASE s.entity_type WHEN 'miner' THEN 0 WHEN 'site' THEN 1 ELSE 2 END"

OF_SHORTER = f"""
SELECT {place_sql(KIND, "coalesce(s.entity_id, 0)", "bucket.n")} AS place, cell.bucket, sum(cell.seconds) AS seconds
FROM unnest(%(child_start)s::timestamptz[], %(number)s::int[]) AS bucket(child, n)
JOIN metrics_sketch s ON s.timestamp = bucket.child
CROSS JOIN LATERAL unnest(s.buckets, s.seconds) AS cell(bucket, seconds)
WHERE s.period = %(child)s AND s.timestamp >= %(low)s AND s.timestamp < %(high)s
  AND (%(everyone)s OR s.entity_type <> 'miner' OR s.entity_id = ANY(%(miner_ids)s))
GROUP BY 1, 2
"""
"""The cells of everyone, each from the own sketches of shorter periods: a site's are right for its miners of then."""
