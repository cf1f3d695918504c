"""How many miners are in each stretch of the system's figures, found without reading a row of every miner and hour.

A stored period of the system tells how many miners are in it. A stretch has those of its fullest period, and whoever is
in another one but not in that. Nobody can be where every miner that ever had a site is in the fullest, or where there
is no other; else those who are not in it, who are few, are looked for one by one.
"""

from collections.abc import Sequence

UNION = " UNION ALL "

NUMBER = "width_bucket(part.timestamp, %(stretch_start)s::timestamptz[])"
"""The stretch that a part lies in, counted from 1: stretches adjoin."""

STORED_COUNTS = "SELECT timestamp, miner_count FROM metrics_rollup WHERE {within} AND entity_type = 'system'"

# LIMIT has each looked for by itself, by an index.
STORED_PRESENT = """
(SELECT true FROM ({stored}) part WHERE part.entity_id = other.miner_id
    AND part.timestamp >= (%(stretch_start)s::timestamptz[])[fullest.n]
    AND part.timestamp < coalesce((%(stretch_start)s::timestamptz[])[fullest.n + 1], 'infinity') LIMIT 1)
"""

TOLD_PRESENT = f"(other.miner_id, fullest.n) IN (SELECT part.entity_id, {NUMBER} FROM ({{told}}) part)"

COUNTED = f"""
known AS MATERIALIZED (SELECT DISTINCT miner_id FROM miners_minersite),
fullest AS MATERIALIZED (
    SELECT {NUMBER} AS n, max(part.miner_count) AS miner_count, count(*) AS parts,
           (array_agg(part.timestamp ORDER BY part.miner_count DESC))[1] AS at
    FROM ({{counts}}) part GROUP BY n
), counted AS MATERIALIZED (
    SELECT fullest.n, fullest.miner_count + CASE
        WHEN fullest.parts = 1 OR fullest.miner_count = %(known_miners)s THEN 0
        ELSE (
            SELECT count(*) FROM (
                SELECT miner_id FROM known
                EXCEPT SELECT part.entity_id FROM ({{present}}) part WHERE part.timestamp = fullest.at
            ) other WHERE {{elsewhere}}
        ) END AS miner_count
    FROM fullest
)"""


def counted_sql(counts: Sequence[str], stored: Sequence[str], told: str) -> str:
    """Return the common table expressions that end with `counted`: n and miner_count of each stretch.

    The query is given `known_miners`, how many there are that ever had a site.

    `counts` are queries of moments, each with how many miners did something then; `stored` those of miners and the
    periods that they have rows of, `told` that of what is not stored yet, empty where there is nothing.
    """
    elsewhere = [STORED_PRESENT.format(stored=UNION.join(stored))] if stored else []
    return COUNTED.format(
        counts=UNION.join(counts),
        present=UNION.join([*stored, *([told] if told else [])]),
        elsewhere=" OR ".join([*elsewhere, *([TOLD_PRESENT.format(told=told)] if told else [])]),
    )
