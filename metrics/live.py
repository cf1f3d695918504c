"""The open period: what is stored of it, and the rest straight from telemetry.

The same pieces, columns and projections as in the store, so that a figure does not jump when its period closes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import Span, known_miners
from metrics.engine.slots import SlotWindow, fastest_slots
from metrics.engine.state import State
from metrics.live_pools import live_pool_rows
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.sketches.quantities import NO_PERCENTILES, without_percentiles
from metrics.sketches.read import Stored, are_read, percentiles
from metrics.store.columns import needed_by
from metrics.types import metric_types
from miners.telemetry.packed.reading import unpacked

CHILDREN: dict[str, tuple[str, ...]] = {
    "slot": (),
    "hourly": ("slot",),
    "daily": ("hourly", "slot"),
    "weekly": ("daily", "hourly", "slot"),
    "monthly": ("daily", "hourly", "slot"),
}

STORED = "SELECT entity_id, timestamp, {names} FROM metrics_rollup WHERE {within} AND entity_type = '{whose}'"
PRESENT = "SELECT entity_id, timestamp FROM metrics_rollup WHERE {within} AND entity_type = '{whose}'"
ONLY_THESE = "AND entity_id = ANY(%({only})s)"

AT_SITE = """
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
  ON span.miner_id = live.entity_id
 AND live.timestamp >= to_timestamp(span.start_s) AND live.timestamp < to_timestamp(span.end_s)
"""

OF_MINERS = """
part AS ({stored} SELECT entity_id, timestamp, {names} FROM live), merged AS (
    SELECT 'miner' AS entity_type, part.entity_id, 1 AS miner_count, {merged}
    FROM part WHERE part.entity_id = ANY(%({only})s) GROUP BY part.entity_id
)"""

# What is stored of the sites is read, not the rows of each miner; those are only counted.
OF_SITES = f"""
part AS ({{stored}} SELECT span.site_id AS entity_id, live.timestamp, {{names}} FROM live {AT_SITE}),
present AS ({{present}} SELECT live.entity_id, live.timestamp FROM live)"""

GROUPS = {
    "miner": OF_MINERS,
    "site": f"""{OF_SITES}, counted AS (
        SELECT span.site_id AS entity_id, count(DISTINCT live.entity_id) AS miner_count
        FROM present live {AT_SITE} GROUP BY span.site_id
    ), merged AS (
        SELECT 'site' AS entity_type, part.entity_id, max(counted.miner_count) AS miner_count, {{merged}}
        FROM part JOIN counted ON counted.entity_id = part.entity_id GROUP BY part.entity_id
    )""",
    "system": f"""{OF_SITES}, merged AS (
        SELECT 'system' AS entity_type, NULL::int AS entity_id,
               (SELECT count(*) FROM (SELECT DISTINCT entity_id FROM present) one) AS miner_count, {{merged}}
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
class LiveAsked:
    """Which figures of whom: of `miners` only, where the entities are miners and that is given."""

    types: Sequence[str]
    entity_type: str
    miners: Sequence[int] | None = None


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
    window = SlotWindow(lower, now, state.cut.slot_s(now), miner_ids, spans, everyone=only is None)
    params = _standing(entity_type, spans, Bucket(bucket.start, now), state) | {
        "span_site": [s.site_id for s in spans],
        "elapsed_s": Bucket(bucket.start, now).length_s,
    }
    projections = _projections(types)
    sketched = _stored_parts(CHILDREN[period][:-1], bucket, state, now)
    told_from = min(lower, sketched[-1][2] if sketched else bucket.start)
    with unpacked([(told_from, now)], miner_ids, now), connection.cursor() as cursor:
        source, more = "", dict[str, Any]()
        if period != "slot" and are_read(projections):
            stretch = Bucket(bucket.start, now)
            source, more = percentiles(entity_type, entity_id, [stretch], sketched, miner_ids, spans)
        slots, of_slots = fastest_slots(window, state.prices_between, state.coins_between)
        sql = _select(projections, entity_type, parts, source, slots, only is not None)
        cursor.execute(sql, params | of_slots | more)
        rows = [_row(types, *row) for row in cursor.fetchall()]
    return [r for r in rows if entity_id is None or r.entity_id == entity_id]


def live_together(
    asked: Sequence[LiveAsked], period: str, bucket: Bucket, state: State, now: datetime
) -> list[LiveRow]:
    """Return the figures of miners, sites and the system in the open `bucket` up to `now`, without percentiles.

    One query, which reads telemetry once for all of them. Percentiles, whose keys are left out, would take as long again.
    """
    now = max(now.replace(microsecond=0), bucket.start)
    spans = state.farm.spans(bucket.start, now)
    parts = _stored_parts(CHILDREN[period], bucket, state, now)
    elapsed = Bucket(bucket.start, now)
    window = SlotWindow(
        parts[-1][2] if parts else bucket.start,
        now,
        state.cut.slot_s(now),
        known_miners(spans),
        spans,
        everyone=True,
    )
    params = (
        _standing("system", spans, elapsed, state)
        | {"span_site": [s.site_id for s in spans], "elapsed_s": elapsed.length_s}
        | {f"only_{n}": _wanted(one, window) for n, one in enumerate(asked)}
    )
    each = " UNION ALL ".join(_together(one, f"only_{n}", parts) for n, one in enumerate(asked))
    projections = [value for one in asked for value in _projections(one.types)]
    with unpacked([(window.start, now)], window.miner_ids, now), connection.cursor() as cursor:
        slots, of_slots = fastest_slots(window, state.prices_between, state.coins_between)
        live = _needed_of(slots, projections)
        cursor.execute(f"WITH live AS MATERIALIZED ({live}) {each}", params | of_slots)
        return [LiveRow(kind, pk, json.loads(told)) for kind, pk, told in cursor.fetchall()]


def _wanted(asked: LiveAsked, window: SlotWindow) -> Sequence[int]:
    return window.miner_ids if asked.miners is None else asked.miners


def _together(asked: LiveAsked, only: str, parts: Sequence[Stored]) -> str:
    """Return the query of entity_type, entity_id and an object of type → value_json; it reads `live`."""
    values = _projections(asked.types)
    pairs = zip(asked.types, values, strict=True)
    each = ", ".join(f"'{name}', {without_percentiles(value)}" for name, value in pairs)
    merged = _merged(asked.entity_type, parts, values, only, only_these=asked.miners is not None)
    return f"""
        SELECT * FROM (
            WITH {merged},
                 r AS (SELECT merged.*, %(elapsed_s)s::int AS elapsed_s,
                              {STANDING[asked.entity_type]} AS standing_pence, {NO_PERCENTILES} FROM merged)
            SELECT r.entity_type, r.entity_id, jsonb_build_object({each}) FROM r
        ) {asked.entity_type}"""


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
    slots: str,
    only_these: bool,
) -> str:
    beside = f"LEFT JOIN ({percentiles}) p ON coalesce(p.entity_id, 0) = coalesce(merged.entity_id, 0)"
    return f"""
        WITH live AS ({_needed_of(slots, projections)}),
             {_merged(entity_type, parts, projections, "miner_ids", only_these=only_these)},
             r AS (SELECT merged.*, %(elapsed_s)s::int AS elapsed_s, {STANDING[entity_type]} AS standing_pence,
                          {PERCENTILES if percentiles else NO_PERCENTILES}
                   FROM merged {beside if percentiles else ""})
        SELECT r.entity_type, r.entity_id, {", ".join(projections)} FROM r ORDER BY r.entity_type, r.entity_id"""


def _merged(
    entity_type: str, parts: Sequence[Stored], projections: Iterable[str], only: str, *, only_these: bool
) -> str:
    """Return the common table expressions that end with `merged`: everyone's sums, of what is stored and of `live`.

    `only` names the parameter with the miners that are wanted; `only_these` says that those are not all.
    """
    needed = needed_by(" ".join(projections))
    whose = "miner" if entity_type == "miner" else "site"
    stored = f"{STORED} {ONLY_THESE.format(only=only)}" if only_these else STORED
    return GROUPS[entity_type].format(
        stored=_union(stored, parts, whose, needed.names),
        present=_union(PRESENT, parts, "miner", ""),
        names=needed.names,
        merged=needed.merged,
        only=only,
    )


def _union(select: str, parts: Sequence[Stored], whose: str, names: str) -> str:
    """Return a query for each part, each followed by UNION ALL."""
    within = "period = '{}' AND timestamp >= '{}' AND timestamp < '{}'"
    found = (within.format(period, start.isoformat(), end.isoformat()) for period, start, end in parts)
    return "".join(f"{select.format(within=each, whose=whose, names=names)} UNION ALL " for each in found)


def _needed_of(slots: str, projections: Iterable[str]) -> str:
    """Return the query of what of these slots the projections need."""
    return f"SELECT entity_id, timestamp, {needed_by(' '.join(projections)).names} FROM ({slots}) slot"


def _row(types: Sequence[str], entity_type: str, entity_id: int | None, *values: str) -> LiveRow:
    return LiveRow(entity_type, entity_id, {t: json.loads(v) for t, v in zip(types, values, strict=True)})


def _standing(entity_type: str, spans: Sequence[Span], elapsed: Bucket, state: State) -> dict[str, Any]:
    sites = sorted({s.site_id for s in spans}) if entity_type != "miner" else []
    return state.farm.standing.params(sites, [elapsed])
