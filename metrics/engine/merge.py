"""Merging: a miner's longer periods from its shorter ones, sites and the system from their miners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from hmm.lib.buckets import MADE_OF, PERIODS, Bucket
from metrics.engine.belonging import Span, overlapping
from metrics.engine.grid import Grid
from metrics.engine.standing import Standing
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.store.columns import MERGED, NAMES
from metrics.store.kept import Batch, Kept

LONG = ("weekly", "monthly")
"""A site's are merged from its own days: a miner may have moved within the period, and its longer rows with it."""

MANY_ROWS = 1000

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

STANDING_OF_SITE = """
unnest(%(standing_site)s::int[], %(standing_start)s::timestamptz[], %(standing_pence)s::float8[])
    AS standing(site_id, start, pence)
"""

AT_SITE = f"""
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
    ON span.miner_id = part.entity_id
   AND part.timestamp >= to_timestamp(span.start_s) AND part.timestamp < to_timestamp(span.end_s)
LEFT JOIN {STANDING_OF_SITE} ON standing.site_id = span.site_id
"""

PERCENTILES_BESIDE = """
LEFT JOIN metrics_sketch sketch ON sketch.timestamp = merged.timestamp AND sketch.period = %(period)s
    AND sketch.timestamp >= %(low)s AND sketch.timestamp < %(high)s
"""

MERGE_MINERS = f"""{INSERT}
SELECT merged.*, {PERCENTILES} FROM (
    SELECT 'miner' AS entity_type, part.entity_id, %(period)s, bucket.start AS timestamp, %(now)s::timestamptz,
        bucket.length_s, 1, {MERGED}, NULL::float8
    {MADE_OF_CHILDREN}
    WHERE part.period = %(child)s AND {OF_MINERS} AND (%(everyone)s OR part.entity_id = ANY(%(miner_ids)s))
    GROUP BY part.entity_id, bucket.start, bucket.length_s
) merged {PERCENTILES_BESIDE} AND sketch.entity_type = 'miner' AND sketch.entity_id = merged.entity_id
"""

# Once written, for the sites' own rows and for the system, which is merged from them: the miners' rows are read once.
MERGE_FLEET = f"""
WITH site AS MATERIALIZED ({{sites}}), fleet AS (
    SELECT 'site' AS entity_type, part.site_id AS entity_id, %(period)s, part.timestamp, %(now)s::timestamptz,
        part.elapsed_s, part.miner_count, {NAMES}, part.standing_pence
    FROM site part
    UNION ALL
    SELECT 'system', NULL, %(period)s, part.timestamp, %(now)s, max(part.elapsed_s), {{miner_count}}, {MERGED},
        CASE WHEN count(*) = count(part.standing_pence) THEN sum(part.standing_pence) END
    FROM site part GROUP BY part.timestamp
)
{INSERT}
SELECT merged.*, {PERCENTILES} FROM fleet merged {PERCENTILES_BESIDE} AND sketch.entity_type = merged.entity_type
    AND coalesce(sketch.entity_id, 0) = coalesce(merged.entity_id, 0)
"""

SITES = f"""
SELECT span.site_id, part.timestamp, max(part.elapsed_s) AS elapsed_s, count(*) AS miner_count, {MERGED},
    max(standing.pence) AS standing_pence
FROM metrics_rollup part {AT_SITE} AND standing.start = part.timestamp
WHERE part.period = %(period)s AND {OF_MINERS}
GROUP BY span.site_id, part.timestamp
"""

# A miner is counted wherever it has a day of its own; it may have had two in one period, or come back to the first.
COUNTED_BY_DAYS = """
SELECT bucket.start, span.site_id, count(DISTINCT span.miner_id) AS miner_count
FROM (
    SELECT DISTINCT start, extract(epoch FROM start)::bigint AS start_s, length_s
    FROM unnest(%(parent_start)s::timestamptz[], %(parent_length_s)s::int[]) AS parent(start, length_s)
) bucket
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
    ON span.start_s < bucket.start_s + bucket.length_s AND span.end_s > bucket.start_s
WHERE (
    SELECT true FROM metrics_rollup day
    WHERE day.entity_type = 'miner' AND day.entity_id = span.miner_id AND day.period = 'daily'
      AND day.timestamp >= to_timestamp(greatest(span.start_s, bucket.start_s))
      AND day.timestamp < to_timestamp(least(span.end_s, bucket.start_s + bucket.length_s))
    LIMIT 1
)
GROUP BY bucket.start, span.site_id
"""

# Where each miner was at one site all the time, its own row of the period tells that it has a day there.
COUNTED_BY_ROWS = f"""
SELECT part.timestamp AS start, home.site_id, count(*) AS miner_count
FROM metrics_rollup part
JOIN unnest(%(home_miner)s::int[], %(home_site)s::int[]) AS home(miner_id, site_id) ON home.miner_id = part.entity_id
WHERE part.period = %(period)s AND {OF_MINERS}
GROUP BY part.timestamp, home.site_id
"""

SITES_FROM_DAYS = f"""
SELECT part.entity_id AS site_id, bucket.start AS timestamp, bucket.length_s AS elapsed_s,
    max(counted.miner_count) AS miner_count, {MERGED}, max(standing.pence) AS standing_pence
{MADE_OF_CHILDREN}
JOIN ({{counted}}) counted ON counted.start = bucket.start AND counted.site_id = part.entity_id
LEFT JOIN {STANDING_OF_SITE} ON standing.site_id = part.entity_id AND standing.start = bucket.start
WHERE part.period = 'daily' AND part.entity_type = 'site' AND part.timestamp >= %(low)s AND part.timestamp < %(high)s
GROUP BY part.entity_id, bucket.start, bucket.length_s
"""

OF_ITS_SITES = "sum(part.miner_count)"
"""Where nobody is at two sites. Nobody is within a day: whoever moves does so at its beginning."""

OF_A_LONG_PERIOD = """
(SELECT count(*) FROM metrics_rollup miner WHERE miner.period = %(period)s AND miner.entity_type = 'miner'
    AND miner.timestamp = part.timestamp)
"""

MERGE_SHORT = MERGE_FLEET.format(sites=SITES, miner_count=OF_ITS_SITES)
MERGE_LONG = MERGE_FLEET.format(
    sites=SITES_FROM_DAYS.format(counted=COUNTED_BY_ROWS), miner_count=OF_ITS_SITES
)
MERGE_LONG_AFTER_MOVES = MERGE_FLEET.format(
    sites=SITES_FROM_DAYS.format(counted=COUNTED_BY_DAYS), miner_count=OF_A_LONG_PERIOD
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


# Of what this run has just written there are no statistics yet, and a kept plan is made for whatever there will be:
# whole stretches of miners' rows are read in the order of the table, and joined and grouped by hashing.
AVOIDED = ("enable_nestloop", "enable_mergejoin", "enable_sort", "enable_indexscan")
BY_HASHING = " ".join(f"SET {way} = off" for way in AVOIDED)
AVOID = "; ".join(f"SET LOCAL {way} = off" for way in AVOIDED)
AVOID_NO_MORE = "; ".join(f"SET LOCAL {way} = on" for way in AVOIDED)

TYPES = {
    "now": "timestamptz",
    "low": "timestamptz",
    "high": "timestamptz",
    "miner_ids": "int[]",
    "child_start": "timestamptz[]",
    "parent_start": "timestamptz[]",
    "parent_length_s": "int[]",
    "home_miner": "int[]",
    "home_site": "int[]",
    "span_miner": "int[]",
    "span_site": "int[]",
    "span_start": "bigint[]",
    "span_end": "bigint[]",
    "standing_site": "int[]",
    "standing_start": "timestamptz[]",
    "standing_pence": "float8[]",
}


def _miners(period: str, *, everyone: bool) -> Kept:
    label = f"{'all' if everyone else 'some'}_miners_{period}"
    fixed: dict[str, str | bool] = {"period": period, "child": MADE_OF[period], "everyone": everyone}
    return Kept.of(label, TYPES, [DELETE_MINERS, MERGE_MINERS], fixed, BY_HASHING if everyone else "")


def _fleet(label: str, period: str, merge: str) -> Kept:
    return Kept.of(
        f"{label}_{period}", TYPES, [DELETE_FLEET, merge], {"period": period}, "SET enable_nestloop = off"
    )


OF_SOME_MINERS = {period: _miners(period, everyone=False) for period in MADE_OF}
OF_ALL_MINERS = {period: _miners(period, everyone=True) for period in MADE_OF}
OF_FLEET = {p: _fleet("fleet", p, MERGE_LONG if p in LONG else MERGE_SHORT) for p in PERIODS}
OF_MOVED_FLEET = {p: _fleet("moved_fleet", p, MERGE_LONG_AFTER_MOVES) for p in LONG}
KEPT = (
    *OF_SOME_MINERS.values(),
    *OF_ALL_MINERS.values(),
    *OF_FLEET.values(),
    *OF_MOVED_FLEET.values(),
)


def merge_miners(
    period: str,
    found: Sequence[Bucket],
    miner_ids: Sequence[int],
    grid: Grid,
    now: datetime,
    *,
    everyone: bool,
    batch: Batch,
) -> None:
    """Make anew these miners' rows of `period` for these adjoining buckets.

    `everyone` says that these are all the miners there are.
    """
    if not found:
        return
    params = _params(found, now) | _children(period, found, grid) | {"miner_ids": list(miner_ids)}
    merge = (OF_ALL_MINERS if everyone else OF_SOME_MINERS)[period]
    _merge(merge, len(found) * len(miner_ids), params, batch)


def merge_fleet(
    period: str,
    found: Sequence[Bucket],
    spans: Sequence[Span],
    standing: Standing,
    grid: Grid,
    now: datetime,
    batch: Batch,
) -> None:
    """Make anew every site's and the system's rows of `period` for these adjoining buckets.

    `spans` are those of all miners over the whole time.
    """
    if not found:
        return
    sites = sorted({s.site_id for s in spans})
    params = _params(found, now) | standing.params(sites, found)
    if period not in LONG:
        _merge(OF_FLEET[period], len(found) * len(spans), params | _span_params(spans), batch)
        return
    params |= _children(period, found, grid)
    homes = homes_of(spans, found[0].start, found[-1].end)
    if homes is None:
        _merge(OF_MOVED_FLEET[period], len(found) * len(spans), params | _span_params(spans), batch)
    else:
        _merge(OF_FLEET[period], len(found) * len(spans), params | _home_params(homes), batch)


def _merge(merge: Kept, rows: int, params: Mapping[str, Any], batch: Batch) -> None:
    """Merge by the kept plan, or many rows by one made for them."""
    if rows < MANY_ROWS:
        batch.add(merge, params)
    else:
        batch.at_once(lambda cursor: _merge_many(cursor, merge, params))


def _merge_many(cursor: CursorWrapper, merge: Kept, params: Mapping[str, Any]) -> int:
    cursor.execute(AVOID)
    merged = merge.execute(cursor, params)
    cursor.execute(AVOID_NO_MORE)
    return merged


def _params(found: Sequence[Bucket], now: datetime) -> dict[str, Any]:
    return {"now": now, "low": found[0].start, "high": found[-1].end}


def _children(period: str, found: Sequence[Bucket], grid: Grid) -> dict[str, Any]:
    child = MADE_OF[period]
    pairs = [(c.start, b) for b in found for c in grid.buckets(child, b.start, b.end)]
    return {
        "child_start": [start for start, _ in pairs],
        "parent_start": [b.start for _, b in pairs],
        "parent_length_s": [b.length_s for _, b in pairs],
    }


def homes_of(spans: Sequence[Span], start: datetime, end: datetime) -> dict[int, int] | None:
    """Return miner → site, None where one was at two sites in [start, end)."""
    pairs = {(s.miner_id, s.site_id) for s in overlapping(spans, start, end)}
    homes = dict(pairs)
    return homes if len(homes) == len(pairs) else None


def _home_params(homes: Mapping[int, int]) -> dict[str, Any]:
    return {"home_miner": list(homes), "home_site": list(homes.values())}


def _span_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "span_miner": [s.miner_id for s in spans],
        "span_site": [s.site_id for s in spans],
        "span_start": [s.start_s for s in spans],
        "span_end": [s.end_s for s in spans],
    }
