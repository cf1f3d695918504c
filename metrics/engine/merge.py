"""Merging: a miner's longer periods from its shorter ones, sites and the system from their miners."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from hmm.lib.buckets import MADE_OF, Bucket
from metrics.engine.belonging import Span
from metrics.engine.grid import Grid
from metrics.engine.standing import Standing
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.store.columns import MERGED, NAMES

LONG = ("weekly", "monthly")
"""A site's are merged from its miners' days, since a miner may have moved within the period."""

INSERT = f"""
INSERT INTO metrics_rollup
    (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES}, standing_pence,
     {PERCENTILES})
"""

MADE_OF_CHILDREN = """
FROM unnest(%(child_start)s::timestamptz[], %(parent_start)s::timestamptz[], %(parent_length_s)s::int[])
    AS bucket(child, start, length_s)
JOIN metrics_rollup part ON part.timestamp = bucket.child
"""

OF_MINERS = """
part.entity_type = 'miner' AND part.timestamp >= %(low)s AND part.timestamp < %(high)s
"""

AT_SITE = """
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::timestamptz[], %(span_end)s::timestamptz[])
    AS span(miner_id, site_id, start, stop)
    ON span.miner_id = part.entity_id AND part.timestamp >= span.start AND part.timestamp < span.stop
LEFT JOIN unnest(%(standing_site)s::int[], %(standing_start)s::timestamptz[], %(standing_pence)s::float8[])
    AS standing(site_id, start, pence) ON standing.site_id = span.site_id
"""


def _insert(kind: str, select: str) -> str:
    """Return the statement that inserts what `select` merged, beside the percentiles of its sketches."""
    same_entity = "" if kind == "system" else "AND sketch.entity_id = merged.entity_id"
    return f"""{INSERT}
SELECT merged.*, {PERCENTILES} FROM ({select}) merged LEFT JOIN metrics_sketch sketch
    ON sketch.entity_type = '{kind}' AND sketch.period = %(period)s AND sketch.timestamp = merged.timestamp
   AND sketch.timestamp >= %(low)s AND sketch.timestamp < %(high)s {same_entity}
"""


MERGE_MINERS = _insert(
    "miner",
    f"""
SELECT 'miner', part.entity_id, %(period)s, bucket.start AS timestamp, %(now)s, bucket.length_s, 1,
    {MERGED}, NULL::float8
{MADE_OF_CHILDREN}
WHERE part.period = %(child)s AND {OF_MINERS} AND (%(everyone)s OR part.entity_id = ANY(%(miner_ids)s))
GROUP BY part.entity_id, bucket.start, bucket.length_s
""",
)

MERGE_SITES = _insert(
    "site",
    f"""
SELECT 'site', span.site_id AS entity_id, %(period)s, part.timestamp, %(now)s, max(part.elapsed_s), count(*),
    {MERGED}, max(standing.pence)
FROM metrics_rollup part {AT_SITE} AND standing.start = part.timestamp
WHERE part.period = %(period)s AND {OF_MINERS}
GROUP BY span.site_id, part.timestamp
""",
)

MERGE_SITES_FROM_DAYS = _insert(
    "site",
    f"""
SELECT 'site', span.site_id AS entity_id, %(period)s, bucket.start AS timestamp, %(now)s, bucket.length_s, count(DISTINCT part.entity_id),
    {MERGED}, max(standing.pence)
{MADE_OF_CHILDREN} {AT_SITE} AND standing.start = bucket.start
WHERE part.period = 'daily' AND {OF_MINERS}
GROUP BY span.site_id, bucket.start, bucket.length_s
""",
)

MERGE_SYSTEM = _insert(
    "system",
    f"""
SELECT 'system', NULL::int, %(period)s, part.timestamp, %(now)s, max(part.elapsed_s), count(*),
    {MERGED}, max(standing.pence)
FROM metrics_rollup part LEFT JOIN (
    WITH charge AS MATERIALIZED (  -- once, not for each of the miners' rows
        SELECT timestamp, CASE WHEN count(*) = count(standing_pence) THEN sum(standing_pence) END AS pence
        FROM metrics_rollup
        WHERE period = %(period)s AND entity_type = 'site' AND timestamp >= %(low)s AND timestamp < %(high)s
        GROUP BY timestamp
    ) SELECT * FROM charge
) standing ON standing.timestamp = part.timestamp
WHERE part.period = %(period)s AND {OF_MINERS}
GROUP BY part.timestamp
""",
)

DELETE_MINERS = """
DELETE FROM metrics_rollup
WHERE period = %(period)s AND entity_type = 'miner' AND timestamp >= %(low)s AND timestamp < %(high)s
  AND (%(everyone)s OR entity_id = ANY(%(miner_ids)s))
"""

DELETE_FLEET = """
DELETE FROM metrics_rollup
WHERE period = %(period)s AND entity_type IN ('site', 'system') AND timestamp >= %(low)s AND timestamp < %(high)s
"""


def merge_miners(
    period: str,
    found: Sequence[Bucket],
    miner_ids: Sequence[int],
    grid: Grid,
    now: datetime,
    *,
    everyone: bool,
) -> int:
    """Make anew these miners' rows of `period` for these adjoining buckets; return how many there are.

    `everyone` says that these are all the miners there are.
    """
    if not found:
        return 0
    params = _params(period, found, now) | _children(period, found, grid)
    params |= {"miner_ids": list(miner_ids), "everyone": everyone}
    with connection.cursor() as cursor:
        cursor.execute(DELETE_MINERS, params)
        cursor.execute(MERGE_MINERS, params)
        return cursor.rowcount


def merge_fleet(
    period: str, found: Sequence[Bucket], spans: Sequence[Span], standing: Standing, grid: Grid, now: datetime
) -> int:
    """Make anew every site's and the system's rows of `period` for these adjoining buckets; return how many.

    `spans` are those of all miners over the whole time.
    """
    if not found:
        return 0
    params = _params(period, found, now)
    sites = params | _span_params(spans) | standing.params(sorted({s.site_id for s in spans}), found)
    with connection.cursor() as cursor:
        cursor.execute(DELETE_FLEET, params)
        if period in LONG:
            cursor.execute(MERGE_SITES_FROM_DAYS, sites | _children(period, found, grid))
        else:
            cursor.execute(MERGE_SITES, sites)
        rows = cursor.rowcount
        cursor.execute(MERGE_SYSTEM, params)
        return rows + cursor.rowcount


def _params(period: str, found: Sequence[Bucket], now: datetime) -> dict[str, Any]:
    return {"period": period, "now": now, "low": found[0].start, "high": found[-1].end}


def _children(period: str, found: Sequence[Bucket], grid: Grid) -> dict[str, Any]:
    child = MADE_OF[period]
    pairs = [(c.start, b) for b in found for c in grid.buckets(child, b.start, b.end)]
    return {
        "child": child,
        "child_start": [start for start, _ in pairs],
        "parent_start": [b.start for _, b in pairs],
        "parent_length_s": [b.length_s for _, b in pairs],
    }


def _span_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "span_miner": [s.miner_id for s in spans],
        "span_site": [s.site_id for s in spans],
        "span_start": [datetime.fromtimestamp(s.start_s, UTC) for s in spans],
        "span_end": [datetime.fromtimestamp(s.end_s, UTC) for s in spans],
    }
