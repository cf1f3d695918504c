"""The open period: what is stored of it, and the rest straight from telemetry.

The same pieces, columns and projections as in the store, so that a figure does not jump when its period closes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import Span, known_miners
from metrics.engine.slots import SlotWindow, select_slots, slot_params
from metrics.engine.state import State
from metrics.live_pools import live_pool_rows
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.sketches.quantities import NO_PERCENTILES
from metrics.sketches.read import Stored, are_read, percentiles
from metrics.store.columns import MERGED, NAMES
from metrics.types import metric_types
from miners.telemetry.packed.reading import unpacked

CHILDREN: dict[str, tuple[str, ...]] = {
    "slot": (),
    "hourly": ("slot",),
    "daily": ("hourly", "slot"),
    "weekly": ("daily", "hourly", "slot"),
    "monthly": ("daily", "hourly", "slot"),
}

STORED = f"""
SELECT entity_id, timestamp, {NAMES} FROM metrics_rollup WHERE {{within}} AND entity_type = '{{whose}}'
"""
ONLY_THESE = "AND entity_id = ANY(%(miner_ids)s)"

AT_SITE = """
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
  ON span.miner_id = live.entity_id
 AND live.timestamp >= to_timestamp(span.start_s) AND live.timestamp < to_timestamp(span.end_s)
"""

OF_MINERS = f"""
part AS ({{stored}} SELECT * FROM live), merged AS (
    SELECT 'miner' AS entity_type, part.entity_id, 1 AS miner_count, {MERGED}
    FROM part WHERE part.entity_id = ANY(%(miner_ids)s) GROUP BY part.entity_id
)"""

# What is stored of the sites is read, not the rows of each miner; those are only counted.
OF_SITES = f"""
part AS ({{stored}} SELECT span.site_id AS entity_id, live.timestamp, {NAMES} FROM live {AT_SITE}),
present AS ({{miners}} SELECT live.entity_id, live.timestamp FROM live)"""

GROUPS = {
    "miner": OF_MINERS,
    "site": f"""{OF_SITES}, counted AS (
        SELECT span.site_id AS entity_id, count(DISTINCT live.entity_id) AS miner_count
        FROM present live {AT_SITE} GROUP BY span.site_id
    ), merged AS (
        SELECT 'site' AS entity_type, part.entity_id, max(counted.miner_count) AS miner_count, {MERGED}
        FROM part JOIN counted ON counted.entity_id = part.entity_id GROUP BY part.entity_id
    )""",
    "system": f"""{OF_SITES}, merged AS (
        SELECT 'system' AS entity_type, NULL::int AS entity_id,
               (SELECT count(DISTINCT entity_id) FROM present) AS miner_count, {MERGED}
        FROM part HAVING count(*) > 0
    )""",
}

STANDING = {
    "miner": "NULL::float8",
    "site": """(
        SELECT s.pence FROM unnest(%(standing_site)s::int[], %(standing_pence)s::float8[]) AS s(site_id, pence)
        WHERE s.site_id = merged.entity_id)""",
    "system": """(
        SELECT CASE WHEN count(*) = count(s.pence) THEN sum(s.pence) END
        FROM unnest(%(standing_site)s::int[], %(standing_pence)s::float8[]) AS s(site_id, pence)
        WHERE s.site_id IN (SELECT entity_id FROM part))""",
}


@dataclass(frozen=True, slots=True)
class LiveRow:
    """Figures of one entity in the open period: metric type → value_json."""

    entity_type: str
    entity_id: int | None
    values: dict[str, dict[str, Any]]


def live_rows(
    types: Sequence[str],
    period: str,
    bucket: Bucket,
    state: State,
    now: datetime,
    *,
    entity_type: str,
    entity_id: int | None = None,
    miners: Sequence[int] | None = None,
) -> list[LiveRow]:
    """Return the figures of the open `bucket` up to `now`, ordered by entity. One query.

    `miners`: of these miners only, where the entities are miners.
    """
    now = max(now.replace(microsecond=0), bucket.start)
    if entity_type == "pool":
        stored, stretch = _stored_parts(CHILDREN[period], bucket, state, now), Bucket(bucket.start, now)
        found = live_pool_rows(_projections(types), stored, stretch, state.cut.slot_s(now), entity_id)
        return [_row(types, *row) for row in found]
    spans = state.farm.spans(bucket.start, now)
    only = None
    if entity_type == "miner":
        only = [entity_id] if entity_id is not None else miners
    miner_ids = known_miners(spans) if only is None else only
    parts = _stored_parts(CHILDREN[period], bucket, state, now)
    lower = parts[-1][2] if parts else bucket.start
    window = SlotWindow(lower, now, state.cut.slot_s(now), miner_ids, spans)
    params = (
        slot_params(window, state.prices_between, state.coins_between)
        | _standing(entity_type, spans, Bucket(bucket.start, now), state)
        | {"span_site": [s.site_id for s in spans], "elapsed_s": Bucket(bucket.start, now).length_s}
    )
    projections = _projections(types)
    sketched = _stored_parts(CHILDREN[period][:-1], bucket, state, now)
    told_from = min(lower, sketched[-1][2] if sketched else bucket.start)
    with unpacked([(told_from, now)], miner_ids, now), connection.cursor() as cursor:
        source, more = "", dict[str, Any]()
        if period != "slot" and are_read(projections):
            stretch = Bucket(bucket.start, now)
            source, more = percentiles(entity_type, entity_id, [stretch], sketched, miner_ids, spans)
        cursor.execute(
            _select(projections, entity_type, parts, source, window, only is not None), params | more
        )
        rows = [_row(types, *row) for row in cursor.fetchall()]
    return [r for r in rows if entity_id is None or r.entity_id == entity_id]


def _stored_parts(periods: Sequence[str], bucket: Bucket, state: State, now: datetime) -> list[Stored]:
    """Return what the store has of the bucket in these periods, the longest first, without overlap."""
    lower, found = bucket.start, []
    for child in periods:
        upper = min(state.marks.get(child, lower), now)
        if upper > lower:
            found.append((child, lower, upper))
            lower = upper
    return found


def _projections(types: Sequence[str]) -> list[str]:
    currency = installation().currency
    return [
        f"""{metric_types[name].value_json(currency)} || '{{"partial": true}}'::jsonb""" for name in types
    ]


def _select(
    projections: Sequence[str],
    entity_type: str,
    parts: Sequence[Stored],
    percentiles: str,
    window: SlotWindow,
    only_these: bool,
) -> str:
    beside = f"LEFT JOIN ({percentiles}) p ON coalesce(p.entity_id, 0) = coalesce(merged.entity_id, 0)"
    return f"""
        WITH live AS (SELECT entity_id, timestamp, {NAMES} FROM ({select_slots(window)}) slot),
             {_merged(entity_type, parts, only_these)},
             r AS (SELECT merged.*, %(elapsed_s)s::int AS elapsed_s, {STANDING[entity_type]} AS standing_pence,
                          {PERCENTILES if percentiles else NO_PERCENTILES}
                   FROM merged {beside if percentiles else ""})
        SELECT r.entity_type, r.entity_id, {", ".join(projections)} FROM r ORDER BY r.entity_type, r.entity_id"""


def _merged(entity_type: str, parts: Sequence[Stored], only_these: bool) -> str:
    """Return the common table expressions that end with `merged`: everyone's sums, of what is stored and of `live`."""
    only = ONLY_THESE if only_these else ""
    if entity_type == "miner":
        return GROUPS[entity_type].format(stored=_union(f"{STORED} {only}", parts, "miner"))
    present = "SELECT entity_id, timestamp FROM metrics_rollup WHERE {within} AND entity_type = '{whose}'"
    return GROUPS[entity_type].format(
        stored=_union(STORED, parts, "site"), miners=_union(present, parts, "miner")
    )


def _union(select: str, parts: Sequence[Stored], whose: str) -> str:
    """Return a query for each part, each followed by UNION ALL."""
    within = "period = '{}' AND timestamp >= '{}' AND timestamp < '{}'"
    found = (within.format(period, start.isoformat(), end.isoformat()) for period, start, end in parts)
    return "".join(f"{select.format(within=each, whose=whose)} UNION ALL " for each in found)


def _row(types: Sequence[str], entity_type: str, entity_id: int | None, *values: str) -> LiveRow:
    return LiveRow(entity_type, entity_id, {t: json.loads(v) for t, v in zip(types, values, strict=True)})


def _standing(entity_type: str, spans: Sequence[Span], elapsed: Bucket, state: State) -> dict[str, Any]:
    sites = sorted({s.site_id for s in spans}) if entity_type != "miner" else []
    return state.farm.standing.params(sites, [elapsed])
