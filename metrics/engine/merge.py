"""Merging: longer periods from shorter ones, everyone's from their own; sites and the system from their miners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from hmm.lib.buckets import MADE_OF, Bucket
from metrics.engine.belonging import Span, overlapping
from metrics.engine.grid import Grid
from metrics.engine.standing import Standing
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.store.columns import MERGED, NAMES
from metrics.store.kept import Batch, Kept

LONG = ("weekly", "monthly")
"""Within one a miner may move; within a day it does not."""

MANY_ROWS = 1000

INSERT = f"""
INSERT INTO metrics_rollup
    (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES}, standing_pence,
     {PERCENTILES})
"""

OF_MINERS = """
part.entity_type = 'miner' AND part.timestamp >= %(low)s AND part.timestamp < %(high)s
"""

STANDING_OF_SITE = """
unnest(%(standing_site)s::int[], %(standing_start)s::timestamptz[], %(standing_pence)s::float8[])
    AS standing(site_id, start, pence)
"""

STANDING_OF_ALL = "CASE WHEN count(*) = count(part.standing_pence) THEN sum(part.standing_pence) END"

# Where each was at one site all the time: quicker to send and to join than spans.
AT_HOME = """
JOIN unnest(%(home_miner)s::int[], %(home_site)s::int[]) AS span(miner_id, site_id) ON span.miner_id = part.entity_id
"""

AT_SITE = """
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
    ON span.miner_id = part.entity_id
   AND part.timestamp >= to_timestamp(span.start_s) AND part.timestamp < to_timestamp(span.end_s)
"""

WHERE = {False: AT_HOME, True: AT_SITE}
"""By whether a miner moved."""

PERCENTILES_BESIDE = """
LEFT JOIN metrics_sketch sketch ON sketch.timestamp = merged.timestamp AND sketch.period = %(period)s
    AND sketch.timestamp >= %(low)s AND sketch.timestamp < %(high)s AND sketch.entity_type = merged.entity_type
    AND coalesce(sketch.entity_id, 0) = coalesce(merged.entity_id, 0)
"""

# Once written, for the sites' own rows and for the system, which is merged from them: the miners' rows are read once.
MERGE_FLEET = f"""
WITH site AS MATERIALIZED (
    SELECT span.site_id, part.timestamp, max(part.elapsed_s) AS elapsed_s, count(*) AS miner_count, {MERGED},
        max(standing.pence) AS standing_pence
    FROM metrics_rollup part {{where}}
    LEFT JOIN {STANDING_OF_SITE} ON standing.site_id = span.site_id AND standing.start = part.timestamp
    WHERE part.period = %(period)s AND {OF_MINERS}
    GROUP BY span.site_id, part.timestamp
), fleet AS (
    SELECT 'site' AS entity_type, part.site_id AS entity_id, %(period)s, part.timestamp, %(now)s::timestamptz,
        part.elapsed_s, part.miner_count, {NAMES}, part.standing_pence
    FROM site part
    UNION ALL
    SELECT 'system', NULL, %(period)s, part.timestamp, %(now)s, max(part.elapsed_s), sum(part.miner_count), {MERGED},
        {STANDING_OF_ALL}
    FROM site part GROUP BY part.timestamp
)
{INSERT}
SELECT merged.*, {PERCENTILES} FROM fleet merged {PERCENTILES_BESIDE}
"""

DELETE_FLEET = """
DELETE FROM metrics_rollup
WHERE period = %(period)s AND entity_type IN ('site', 'system') AND timestamp >= %(low)s AND timestamp < %(high)s
"""

# Those whose rows are made anew, and everybody else's, which stay.
ROWS_OF_MINERS = f"""
SELECT entity_id, timestamp FROM made WHERE entity_type = 'miner'
UNION ALL
SELECT part.entity_id, part.timestamp FROM metrics_rollup part
WHERE NOT %(everyone)s AND part.period = %(period)s AND {OF_MINERS}
"""

COUNTED_BY_ROWS = """
SELECT span.site_id, part.timestamp, count(*) AS miner_count FROM miner part {where} GROUP BY span.site_id, part.timestamp
"""

# A miner is counted wherever it has a day of its own; it may have had two in one period, or come back to the first.
COUNTED_BY_DAYS = """
SELECT span.site_id, bucket.start AS timestamp, count(DISTINCT span.miner_id) AS miner_count
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
GROUP BY span.site_id, bucket.start
"""

# Everyone's are merged from their own: a site's are right for its miners of then.
MADE = f"""
WITH made AS MATERIALIZED (
    SELECT part.entity_type, part.entity_id, bucket.start AS timestamp, bucket.length_s AS elapsed_s, {MERGED}
    FROM unnest(%(child_start)s::timestamptz[], %(parent_start)s::timestamptz[], %(parent_length_s)s::int[])
        AS bucket(child, start, length_s)
    JOIN (
        SELECT * FROM metrics_rollup part
        WHERE part.period = %(child)s AND part.timestamp >= %(low)s AND part.timestamp < %(high)s AND {{whose}}
        OFFSET 0
    ) part ON part.timestamp = bucket.child
    GROUP BY part.entity_type, part.entity_id, bucket.start, bucket.length_s
)
"""

MERGED_ROW = "merged.entity_type, merged.entity_id, %(period)s, merged.timestamp, %(now)s, merged.elapsed_s"

MERGE_LONGER = f"""{MADE}, miner AS ({ROWS_OF_MINERS}), site AS (
    SELECT counted.*, standing.pence AS standing_pence
    FROM ({{counted}}) counted
    LEFT JOIN {STANDING_OF_SITE} ON standing.site_id = counted.site_id AND standing.start = counted.timestamp
), fleet AS (
    SELECT 'site' AS entity_type, site_id AS entity_id, timestamp, miner_count, standing_pence FROM site
    UNION ALL
    SELECT 'system', 0, part.timestamp, {{in_all}}, {STANDING_OF_ALL} FROM site part GROUP BY part.timestamp
)
{INSERT}
SELECT {MERGED_ROW}, coalesce(fleet.miner_count, 1), {NAMES}, fleet.standing_pence, {PERCENTILES}
FROM made merged
LEFT JOIN fleet ON fleet.timestamp = merged.timestamp AND fleet.entity_type = merged.entity_type
    AND fleet.entity_id = coalesce(merged.entity_id, 0)
{PERCENTILES_BESIDE}
"""

MERGE_MINERS = f"""{MADE} {INSERT}
SELECT {MERGED_ROW}, 1, {NAMES}, NULL, {PERCENTILES} FROM made merged {PERCENTILES_BESIDE}
"""

DELETE_LONGER = """
DELETE FROM metrics_rollup part
WHERE part.period = %(period)s AND part.timestamp >= %(low)s AND part.timestamp < %(high)s AND {whose}
"""

EVERYONE = "part.entity_type IN ('miner', 'site', 'system')"
SOME_MINERS = "part.entity_type = 'miner' AND part.entity_id = ANY(%(miner_ids)s)"
THEIR_FLEET = f"({SOME_MINERS} OR part.entity_type IN ('site', 'system'))"

# Whoever is named is looked up; what all did in a day would be thousands of entries of an index by the time.
NAMED = f"""
({SOME_MINERS} OR part.entity_type = 'site' AND part.entity_id = ANY(%(site_ids)s)
 OR part.entity_type = 'system' AND part.entity_id IS NULL)
"""

OF_ITS_SITES = "sum(part.miner_count)"
"""Where nobody is at two sites of one period."""

OF_ITS_MINERS = "(SELECT count(*) FROM miner WHERE miner.timestamp = part.timestamp)"

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
    "site_ids": "int[]",
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


def _longer(period: str, *, everyone: bool, moved: bool) -> Kept:
    by_days = moved and period in LONG
    counted = COUNTED_BY_DAYS if by_days else COUNTED_BY_ROWS.format(where=WHERE[moved])
    in_all = OF_ITS_MINERS if by_days else OF_ITS_SITES
    whose = EVERYONE if everyone else THEIR_FLEET
    merge = MERGE_LONGER.format(whose=EVERYONE if everyone else NAMED, counted=counted, in_all=in_all)
    statements = (DELETE_LONGER.format(whose=whose), merge)
    fixed: dict[str, str | bool] = {"period": period, "child": MADE_OF[period], "everyone": everyone}
    label = f"{'all' if everyone else 'some'}_{'moved_' if moved else ''}{period}"
    return Kept.of(label, TYPES, statements, fixed, BY_HASHING if everyone else "SET enable_sort = off")


LONGER = {
    (period, everyone, moved): _longer(period, everyone=everyone, moved=moved)
    for period in MADE_OF
    for everyone in (False, True)
    for moved in (False, True)
}
OF_FLEET = {
    (period, moved): Kept.of(
        f"{'moved_' if moved else ''}fleet_{period}",
        TYPES,
        [DELETE_FLEET, MERGE_FLEET.format(where=WHERE[moved])],
        {"period": period},
        "SET enable_nestloop = off",
    )
    for period in ("slot", "daily")
    for moved in (False, True)
}
OF_MINERS_ALONE = {
    period: Kept.of(
        f"miners_{period}",
        TYPES,
        [DELETE_LONGER.format(whose=SOME_MINERS), MERGE_MINERS.format(whose=SOME_MINERS)],
        {"period": period, "child": MADE_OF[period]},
    )
    for period in MADE_OF
    if period not in LONG
}
KEPT = (*LONGER.values(), *OF_FLEET.values(), *OF_MINERS_ALONE.values())


def merge_longer(
    period: str,
    found: Sequence[Bucket],
    miner_ids: Sequence[int],
    spans: Sequence[Span],
    standing: Standing,
    grid: Grid,
    now: datetime,
    *,
    everyone: bool,
    batch: Batch,
) -> None:
    """Make anew the rows of `period` of these miners, every site and the system for these adjoining buckets.

    Each is merged from its own rows of the shorter period. `spans` are those of all miners over the whole time;
    `everyone` says that these are all the miners there are.
    """
    if not found:
        return
    moved, params = _fleet_params(period, found, spans, standing, now)
    params |= _children(period, found, grid) | {"miner_ids": list(miner_ids)}
    _merge(LONGER[period, everyone, moved], len(found) * len(miner_ids), params, batch)


def merge_miners(
    period: str, found: Sequence[Bucket], miner_ids: Sequence[int], grid: Grid, now: datetime, batch: Batch
) -> None:
    """Make anew only these miners' hours or days, for these adjoining ones; sites and the system are not looked at."""
    if found:
        params = _params(found, now) | _children(period, found, grid) | {"miner_ids": list(miner_ids)}
        _merge(OF_MINERS_ALONE[period], len(found) * len(miner_ids), params, batch)


def merge_fleet(
    period: str,
    found: Sequence[Bucket],
    spans: Sequence[Span],
    standing: Standing,
    now: datetime,
    batch: Batch,
) -> None:
    """Make anew every site's and the system's rows of slots or days, for these adjoining ones, from the miners'.

    `spans` are those of all miners over the whole time.
    """
    if not found:
        return
    moved, params = _fleet_params(period, found, spans, standing, now)
    _merge(OF_FLEET[period, moved], len(found) * len(spans), params, batch)


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


def _fleet_params(
    period: str, found: Sequence[Bucket], spans: Sequence[Span], standing: Standing, now: datetime
) -> tuple[bool, dict[str, Any]]:
    """Return whether where miners were needs telling by the time, and the parameters of everyone's sites."""
    sites = sorted({s.site_id for s in spans})
    homes = homes_of(spans, found[0].start, found[-1].end, throughout=period not in LONG)
    where = _span_params(spans) if homes is None else _home_params(homes)
    return homes is None, _params(found, now) | standing.params(sites, found) | where | {"site_ids": sites}


def homes_of(
    spans: Sequence[Span], start: datetime, end: datetime, *, throughout: bool = False
) -> dict[int, int] | None:
    """Return miner → site, None where one was at two sites in [start, end), or, `throughout`, came within it."""
    here = overlapping(spans, start, end)
    pairs = {(s.miner_id, s.site_id) for s in here}
    homes = dict(pairs)
    since = int(start.timestamp())
    came = throughout and {s.miner_id for s in here if s.start_s <= since} < homes.keys()
    return None if came or len(homes) < len(pairs) else homes


def _home_params(homes: Mapping[int, int]) -> dict[str, Any]:
    return {"home_miner": list(homes), "home_site": list(homes.values())}


def _span_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "span_miner": [s.miner_id for s in spans],
        "span_site": [s.site_id for s in spans],
        "span_start": [s.start_s for s in spans],
        "span_end": [s.end_s for s in spans],
    }
