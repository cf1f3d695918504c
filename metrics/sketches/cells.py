"""Covered seconds a bucket: from telemetry, from the sketches of miners, from sketches of shorter periods.

Each query here selects cells: (place, bucket, seconds). A place says whose and when: the kind of entity, its id, and
the number of the stretch of time, in one bigint, by which grouping and sorting are quick.
"""

from metrics.engine.pieces import Pieces
from metrics.sketches.quantities import QUANTITIES, bucket_sql

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

KEY_BITS = 18


def _key(piece: str, bucket: str) -> str:
    """Return the SQL of a miner's piece, an SQL expression, and bucket in one number."""
    return f"(({piece}) << {KEY_BITS} | ({bucket}))"


PIECE = "miner_id::bigint * {pieces} + n"

# Which stretch a row ends in is numbered when its seconds are gathered, as with slots.
LAST = " UNION ALL ".join(
    f"""
    SELECT {_key("miner_id::bigint", "bucket")} AS key, first_end, sec FROM (
        SELECT t.miner_id, t.first_end, t.sec, {bucket_sql(quantity)} AS bucket FROM ({{last}}) t OFFSET '0'
    ) piece WHERE bucket IS NOT NULL"""
    for quantity in QUANTITIES
)
GATHERED = f"""
    SELECT {_key(f"(key >> {KEY_BITS}) * {{pieces}} + {{number}}", f"key & {2**KEY_BITS - 1}")} AS key,
        sum(sec) AS seconds
    FROM ({LAST}) piece GROUP BY piece.key, first_end"""

EACH = [f"key_{quantity.name}" for quantity in QUANTITIES]
TOGETHER = f"""
    SELECT coalesce({", ".join(EACH)}) AS key, seconds FROM (
        SELECT {", ".join(EACH)}, sum(sec) AS seconds FROM (
            SELECT t.sec, {", ".join(f"{_key(PIECE, bucket_sql(q))} AS key_{q.name}" for q in QUANTITIES)}
            FROM ({{cut}}) t OFFSET '0'
        ) piece GROUP BY GROUPING SETS ({", ".join(f"({key})" for key in EACH)})
    ) cell WHERE coalesce({", ".join(EACH)}) IS NOT NULL"""

# Miner, piece and bucket ride in one number, which is hashed in half the time that three columns take, and pieces are
# numbered densely, since PostgreSQL's hash of a bigint folds its halves and makes sparse ones collide. Parallel
# workers do not share GROUPING SETS, so that each quantity has a pass of its own where there is much to do. OFFSET '0'
# keeps PostgreSQL from expecting a thousand pieces of each row, and from making room for as many groups.
OF_TELEMETRY = f"""
SELECT {place_sql(0, f"(key >> {KEY_BITS}) / {{pieces}}", f"mod(key >> {KEY_BITS}, {{pieces}}) + {{first}}")} AS place,
       (key & {2**KEY_BITS - 1})::int AS bucket, seconds::bigint
FROM ({{parts}}) cell
"""

# The few pieces before a boundary come beside what parallel workers have made of the others.
SHARED = f"""
SELECT key, sum(seconds) AS seconds FROM (
    SELECT * FROM ({GATHERED} UNION ALL {TOGETHER}) part OFFSET '0'
) piece GROUP BY key
"""

SPAN = """
unnest(%(sketch_miner)s::int[], %(sketch_site)s::int[], %(sketch_since_s)s::bigint[], %(sketch_until_s)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
"""


def of_telemetry(pieces: Pieces, first: str = "0", *, shared: bool = False) -> str:
    """Return the query of the miners' cells in these pieces, which are numbered from `first`, an SQL expression.

    `shared` has parallel workers share the pieces, for which these are read once for each quantity.
    """
    if shared:
        parts = SHARED.format(
            pieces=pieces.count, number=pieces.number, last=pieces.last(), cut=pieces.earlier()
        )
    else:
        parts = TOGETHER.format(pieces=pieces.count, cut=pieces.all())
    return OF_TELEMETRY.format(pieces=pieces.count, first=first, parts=parts)


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
