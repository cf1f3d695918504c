"""The open period: what is stored of it, and the rest straight from telemetry.

The same pieces, columns and projections as in the store, so that a figure does not jump when its period closes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import known_miners
from metrics.engine.slots import SlotWindow
from metrics.engine.state import State
from metrics.engine.told_slots import told_slots
from metrics.live_fleet import OF_SUMS, fleet_rows
from metrics.live_parts import (
    CHILDREN,
    PRESENT,
    STANDING,
    STORED,
    LiveRow,
    live_row,
    projected,
    projections_of,
    standing_params,
    stored_parts,
    within,
)
from metrics.live_pools import live_pool_rows
from metrics.sketches.quantities import NO_PERCENTILES, without_percentiles
from metrics.sketches.read import Stored, are_read, percentiles
from metrics.store.columns import needed_by
from metrics.store.kept import arguments
from miners.telemetry.packed.reading import unpacked

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
OF_SITE_ROWS = f"""
part AS ({{stored}} SELECT span.site_id AS entity_id, live.timestamp, {{names}} FROM live {AT_SITE})"""

OF_SITES = f"""{OF_SITE_ROWS},
present AS ({{present}} SELECT live.entity_id, live.timestamp FROM live)"""

# Whoever is in `live` counts: only the others, mostly nobody, are looked for in the rows of each miner.
BEFORE = """
SELECT count(DISTINCT span.miner_id)
FROM unnest(%(span_miner)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[]) AS span(miner_id, start_s, end_s)
WHERE NOT EXISTS (SELECT FROM here WHERE here.entity_id = span.miner_id) AND EXISTS ({before})
"""
BEFORE_OF_ONE = """SELECT FROM metrics_rollup WHERE {within} AND entity_type = 'miner' AND entity_id = span.miner_id
    AND timestamp >= to_timestamp(span.start_s) AND timestamp < to_timestamp(span.end_s)"""

GROUPS = {
    "miner": OF_MINERS,
    "site": f"""{OF_SITES}, counted AS (
        SELECT span.site_id AS entity_id, count(DISTINCT live.entity_id) AS miner_count
        FROM present live {AT_SITE} GROUP BY span.site_id
    ), merged AS (
        SELECT 'site' AS entity_type, part.entity_id, max(counted.miner_count) AS miner_count, {{merged}}
        FROM part JOIN counted ON counted.entity_id = part.entity_id GROUP BY part.entity_id
    )""",
    "system": f"""{OF_SITE_ROWS}, here AS (SELECT DISTINCT entity_id FROM live), merged AS (
        SELECT 'system' AS entity_type, NULL::int AS entity_id,
               (SELECT count(*) FROM here) + ({{others}}) AS miner_count, {{merged}}
        FROM part HAVING count(*) > 0
    )""",
}


Part = Stored | tuple[str, str, str]
"""Stored rows of a period that begin in [start, end), each a moment or SQL."""


@dataclass(frozen=True, slots=True)
class LiveAsked:
    """Which figures of whom: of `miners` only, where the entities are miners and that is given."""

    types: Sequence[str]
    entity_type: str
    miners: Sequence[int] | None = None


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
    if entity_type in OF_SUMS and (told := state.summed_at(now, bucket)):
        rows = fleet_rows(types, period, bucket, state, told, entity_type)
        return [r for r in rows if entity_id is None or r.entity_id == entity_id]
    if entity_type == "pool":
        return _pool_rows(types, period, bucket, state, now, entity_id)
    only = None
    if entity_type == "miner":
        only = [entity_id] if entity_id is not None else miners
    rows = _told_apart(types, period, bucket, state, now, entity_type, entity_id, only)
    return [r for r in rows if entity_id is None or r.entity_id == entity_id]


def _pool_rows(
    types: Sequence[str], period: str, bucket: Bucket, state: State, now: datetime, entity_id: int | None
) -> list[LiveRow]:
    stored, elapsed = stored_parts(CHILDREN[period], bucket, state, now), Bucket(bucket.start, now)
    found = live_pool_rows(projections_of(types), stored, elapsed, state.cut.slot_s(now), entity_id)
    return [live_row(types, *row) for row in found]


def _told_apart(
    types: Sequence[str],
    period: str,
    bucket: Bucket,
    state: State,
    now: datetime,
    entity_type: str,
    entity_id: int | None,
    only: Sequence[int] | None,
) -> list[LiveRow]:
    """Read the telemetry of everyone, or of `only` these miners, for entities of one kind, percentiles too. One query.

    Of `entity_id` alone percentiles are read, where that is given; sums are everyone's.
    """
    opened = opened_of(period, bucket, state, now, entity_type, only)
    window, elapsed = opened.window, Bucket(bucket.start, now)
    projections = projections_of(types)
    sketched = stored_parts(CHILDREN[period][:-1], bucket, state, now)
    told_from = min(window.start, sketched[-1][2] if sketched else bucket.start)
    with unpacked([(told_from, now)], window.miner_ids, now), connection.cursor() as cursor:
        source, more = "", dict[str, Any]()
        if period != "slot" and are_read(projections):
            source, more = percentiles(
                entity_type, entity_id, [elapsed], sketched, window.miner_ids, window.spans
            )
        slots, of_slots = told_slots(window, state.valued.prices_between, state.valued.coins_between)
        sql = _select(projections, entity_type, opened.parts, source, slots, only is not None)
        cursor.execute(sql, arguments(opened.params | of_slots | more))
        return [live_row(types, *row) for row in cursor.fetchall()]


def live_together(
    asked: Sequence[LiveAsked], period: str, bucket: Bucket, state: State, now: datetime
) -> list[LiveRow]:
    """Return the figures of miners, sites and the system in the open `bucket` up to `now`, without percentiles.

    One query, which reads telemetry once for all of them. Percentiles, whose keys are left out, would take as long again.
    Where the open slot is summed, one for sites, one for the system, and one that reads the telemetry of the asked miners.
    """
    now = max(now.replace(microsecond=0), bucket.start)
    told = state.summed_at(now, bucket)
    if told is None:
        return _told_together(asked, period, bucket, state, now, None)
    of_sums = [one for one in asked if one.entity_type in OF_SUMS]
    found = [
        row
        for one in of_sums
        for row in fleet_rows(one.types, period, bucket, state, told, one.entity_type, with_percentiles=False)
    ]
    others = [one for one in asked if one not in of_sums]
    return found + (_told_together(others, period, bucket, state, now, _only(others)) if others else [])


def _told_together(
    asked: Sequence[LiveAsked],
    period: str,
    bucket: Bucket,
    state: State,
    now: datetime,
    only: Sequence[int] | None,
) -> list[LiveRow]:
    """Read the telemetry of everyone, or of `only` these miners, for all that is asked. One query."""
    opened = opened_of(period, bucket, state, now, "system", only)
    window = opened.window
    params = opened.params | {f"only_{n}": _wanted(one, window) for n, one in enumerate(asked)}
    each = " UNION ALL ".join(together(one, f"only_{n}", opened.parts) for n, one in enumerate(asked))
    projections = [value for one in asked for value in projections_of(one.types)]
    with unpacked([(window.start, now)], window.miner_ids, now), connection.cursor() as cursor:
        slots, of_slots = told_slots(window, state.valued.prices_between, state.valued.coins_between)
        live = needed_of(slots, projections)
        cursor.execute(f"WITH live AS MATERIALIZED ({live}) {each}", arguments(params | of_slots))
        return [LiveRow(kind, pk, json.loads(values)) for kind, pk, values in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open bucket is made of: `parts` that are stored, and telemetry in `window`; with the parameters of both."""

    parts: Sequence[Stored]
    window: SlotWindow
    params: dict[str, Any]


def opened_of(
    period: str,
    bucket: Bucket,
    state: State,
    now: datetime,
    entity_type: str,
    only: Sequence[int] | None,
) -> Opened:
    """Return what the open `bucket` of these entities is made of up to `now`: of everyone, or of `only` these miners."""
    spans = state.farm.spans(bucket.start, now, only)
    parts = stored_parts(CHILDREN[period], bucket, state, now)
    window = SlotWindow(
        parts[-1][2] if parts else bucket.start,
        now,
        state.cut.slot_s(now),
        known_miners(spans) if only is None else only,
        spans,
        everyone=only is None,
    )
    elapsed = Bucket(bucket.start, now)
    standing = standing_params(entity_type, spans, elapsed, state)
    return Opened(
        parts, window, standing | {"span_site": [s.site_id for s in spans], "elapsed_s": elapsed.length_s}
    )


def _only(asked: Iterable[LiveAsked]) -> list[int] | None:
    """Return the miners that are asked for, None for everyone."""
    wanted = [one.miners for one in asked]
    if None in wanted:
        return None
    return sorted({miner_id for miners in wanted for miner_id in miners or ()})


def _wanted(asked: LiveAsked, window: SlotWindow) -> Sequence[int]:
    return window.miner_ids if asked.miners is None else asked.miners


def together(asked: LiveAsked, only: str, parts: Sequence[Part], currency: str = "") -> str:
    """Return the query of entity_type, entity_id and an object of type → value_json; it reads `live`."""
    values = projections_of(asked.types, currency)
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


def _select(
    projections: Sequence[str],
    entity_type: str,
    parts: Sequence[Part],
    percentiles: str,
    slots: str,
    only_these: bool,
) -> str:
    live = f"live AS ({needed_of(slots, projections)})"
    merged = _merged(entity_type, parts, projections, "miner_ids", only_these=only_these)
    return projected(projections, entity_type, f"{live},\n             {merged}", percentiles)


def _merged(
    entity_type: str, parts: Sequence[Part], projections: Iterable[str], only: str, *, only_these: bool
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
        others=_others(parts),
        names=needed.names,
        merged=needed.merged,
        only=only,
    )


def _others(parts: Sequence[Part]) -> str:
    """Return the query of how many miners have done something before `live` begins, and nothing since."""
    each = [BEFORE_OF_ONE.format(within=within(*part)) for part in parts]
    return BEFORE.format(before=" UNION ALL ".join(each)) if each else "0"


def _union(select: str, parts: Sequence[Part], whose: str, names: str) -> str:
    """Return a query for each part, each followed by UNION ALL."""
    found = (within(*part) for part in parts)
    return "".join(f"{select.format(within=each, whose=whose, names=names)} UNION ALL " for each in found)


def needed_of(slots: str, projections: Iterable[str]) -> str:
    """Return the query of what of these slots the projections need."""
    return f"SELECT entity_id, timestamp, {needed_by(' '.join(projections)).names} FROM ({slots}) slot"
