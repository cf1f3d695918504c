"""Figures of any stretch of whole slots, merged from the sums of the store as a stored period is.

Averages are never averaged: the rollup rows of the miners are merged column by column, and the metric type's own
projection makes the figure. What is not over yet comes straight from telemetry, as in an open period.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import Span, known_miners
from metrics.engine.slots import SlotWindow, fastest_slots
from metrics.engine.state import State
from metrics.query.cover import LONGEST_FIRST, Segment, cover
from metrics.query.pool_parts import merge_sql, pool_parts
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.sketches.quantities import NO_PERCENTILES, without_percentiles
from metrics.sketches.read import are_read, gaps, percentiles
from metrics.store.columns import needed_by
from metrics.types import metric_types
from miners.telemetry.packed.reading import unpacked

WITHIN = "period = '{period}' AND timestamp >= '{start}' AND timestamp < '{end}'"
STORED = "SELECT entity_id, timestamp, {names} FROM metrics_rollup WHERE entity_type = '{whose}' AND {within}"
PRESENT = "SELECT entity_id, timestamp FROM metrics_rollup WHERE entity_type = 'miner' AND {within}"
ONLY_THESE = " AND entity_id = ANY(%(miner_ids)s)"
ONLY_THIS = " AND entity_id = %(one_id)s"

NUMBER = "width_bucket(part.timestamp, %(stretch_start)s::timestamptz[])"
"""The stretch that a part lies in, counted from 1: stretches adjoin."""

AT_SITE = """
JOIN unnest(%(site_miner)s::int[], %(site_id)s::int[], %(site_start)s::bigint[], %(site_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
    ON span.miner_id = part.entity_id
   AND part.timestamp >= to_timestamp(span.start_s) AND part.timestamp < to_timestamp(span.end_s)
"""

# Of sites and the system what is stored of the sites is read, not the rows of each miner; those are only counted.
LIVE_AT_SITE = f"SELECT span.site_id AS entity_id, part.timestamp, {{names}} FROM live part {AT_SITE}"

MERGE = {
    "miner": f"""
        SELECT part.entity_id, {NUMBER} AS n, 1 AS miner_count, {{merged}}
        FROM part GROUP BY part.entity_id, n""",
    "site": f"""
        SELECT part.entity_id, {NUMBER} AS n, coalesce(max(counted.miner_count), 0) AS miner_count, {{merged}}
        FROM part LEFT JOIN (
            SELECT span.site_id, {NUMBER} AS n, count(DISTINCT part.entity_id) AS miner_count
            FROM present part {AT_SITE} GROUP BY span.site_id, n
        ) counted ON counted.site_id = part.entity_id AND counted.n = {NUMBER}
        GROUP BY part.entity_id, {NUMBER}""",
    "system": f"""
        SELECT NULL::int AS entity_id, {NUMBER} AS n, max(counted.miner_count) AS miner_count, {{merged}}
        FROM part JOIN (
            SELECT n, count(*) AS miner_count
            FROM (SELECT DISTINCT {NUMBER} AS n, part.entity_id FROM present part) one GROUP BY n
        ) counted ON counted.n = {NUMBER}
        GROUP BY {NUMBER}""",
}

CHARGE = """
unnest(%(standing_site)s::int[], %(standing_start)s::timestamptz[], %(standing_pence)s::float8[])
    AS charge(site_id, start, pence)
"""

STANDING = {
    "site": f"(SELECT pence FROM {CHARGE} WHERE charge.start = stretch.start AND site_id = merged.entity_id)",
    "system": f"""
        (SELECT CASE WHEN count(*) = count(charge.pence) THEN sum(charge.pence) END
         FROM {CHARGE} JOIN (SELECT DISTINCT part.entity_id AS site_id, {NUMBER} AS n FROM part) present USING (site_id)
         WHERE charge.start = stretch.start AND present.n = merged.n)""",
}
"""As in the store: the system's is that of the sites which have figures there, null unless all of it is known."""

SELECT = """
WITH {parts}, merged AS ({merge}), r AS (
    SELECT '{entity_type}'::text AS entity_type, merged.*, stretch.start AS timestamp, stretch.stop,
           stretch.elapsed_s, stretch.is_open, {standing} AS standing_pence, {percentiles}
    FROM merged
    JOIN unnest(%(stretch_start)s::timestamptz[], %(stretch_end)s::timestamptz[], %(stretch_s)s::int[],
                %(stretch_open)s::bool[])
        WITH ORDINALITY AS stretch(start, stop, elapsed_s, is_open, n) ON stretch.n = merged.n
    {sketches}
)
SELECT timestamp, stop, entity_id, value_json FROM (
    SELECT r.timestamp, r.stop, r.entity_id,
           {value} || CASE WHEN r.is_open THEN '{{"partial": true}}'::jsonb ELSE '{{}}'::jsonb END AS value_json
    FROM r
) figure {tail}
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of one entity over [start, end); `"partial": true` in `value_json` where that is not over yet."""

    metric_type: str
    entity_type: str
    entity_id: int | None
    start: datetime
    end: datetime
    value_json: dict[str, Any]

    @property
    def position(self) -> tuple[datetime, int | None]:
        """Where it stands in the order of the figures of one type and one kind of entity."""
        return (self.start, self.entity_id)


@dataclass(frozen=True, slots=True)
class Whom:
    """A kind of entity, and which one of it; None for all of that kind."""

    entity_type: str
    entity_id: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """How figures are narrowed and ordered: SQL over timestamp, entity_id and value_json, and its parameters."""

    sql: str = "ORDER BY timestamp, entity_id"
    params: Mapping[str, Any] = field(default_factory=dict)


def merged(
    metric_type: str, whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime, tail: Tail
) -> list[Figure]:
    """Return the figures of these adjoining stretches, each of whole slots, up to `now`. One query."""
    value = metric_types[metric_type].value_json(installation().currency)
    found = _merged(value, whom, stretches, state, now, tail)
    return [Figure(metric_type, whom.entity_type, pk, start, end, told) for start, end, pk, told in found]


def merged_together(
    types: Sequence[str], whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime
) -> list[dict[str, Figure]]:
    """Return the figures of several types at once, without percentiles, those of one stretch and entity together. One query."""
    currency = installation().currency
    each = ", ".join(
        f"'{name}', {without_percentiles(metric_types[name].value_json(currency))}" for name in types
    )
    found = _merged(f"jsonb_build_object({each})", whom, stretches, state, now, Tail(), with_sketches=False)
    return [
        {name: Figure(name, whom.entity_type, pk, start, end, told[name] | _partial(told)) for name in types}
        for start, end, pk, told in found
    ]


def _partial(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"partial": True} if "partial" in told else {}


Merged = tuple[datetime, datetime, int | None, dict[str, Any]]
"""A stretch's start and end, the entity, and its value_json."""


def _merged(
    value: str,
    whom: Whom,
    stretches: Sequence[Bucket],
    state: State,
    now: datetime,
    tail: Tail,
    *,
    with_sketches: bool = True,
) -> list[Merged]:
    now = now.replace(microsecond=0)
    told = [s for s in stretches if s.start < now]
    if not told:
        return []
    with unpacked(_told_by_telemetry(told, state, now), _miners(whom, told, state, now), now):
        return _selected(
            value, whom, told, state, now, tail, with_sketches=with_sketches and are_read([value])
        )


def _selected(
    value: str,
    whom: Whom,
    told: Sequence[Bucket],
    state: State,
    now: datetime,
    tail: Tail,
    *,
    with_sketches: bool,
) -> list[Merged]:
    needed = needed_by(value)
    parts, params = _parts(whom, told, state, now, needed.names)
    sketches, more = _sketches(whom, told, state, now) if with_sketches else ("", {})
    sql = SELECT.format(
        parts=parts,
        merge=merge_sql(NUMBER, whom.entity_id)
        if whom.entity_type == "pool"
        else MERGE[whom.entity_type].format(merged=needed.merged),
        entity_type=whom.entity_type,
        standing=STANDING.get(whom.entity_type, "NULL::float8") if state.farm.charges else "NULL::float8",
        value=value,
        percentiles=PERCENTILES if sketches else NO_PERCENTILES,
        sketches=sketches,
        tail=tail.sql,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params | more | dict(tail.params))
        return [(start, end, pk, json.loads(told)) for start, end, pk, told in cursor.fetchall()]


def _told_by_telemetry(
    stretches: Sequence[Bucket], state: State, now: datetime
) -> list[tuple[datetime, datetime]]:
    """Return what neither sketches nor slots have of these stretches."""
    told = [_so_far(s, now) for s in stretches]
    stored = [(s.period, s.start, s.end) for s in cover(told, LONGEST_FIRST[:-1], state.marks, state.cut)]
    return [gap for stretch in told for gap in gaps(stretch, stored)]


def _miners(whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime) -> list[int]:
    if whom.entity_type == "miner" and whom.entity_id:
        return [whom.entity_id]
    return known_miners(state.farm.spans(stretches[0].start, min(stretches[-1].end, now)))


def _parts(
    whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime, names: str
) -> tuple[str, dict[str, Any]]:
    """Return the common table expressions of the sums that the stretches are made of, and all parameters.

    `names` are the columns that are needed of them.
    """
    start, end = stretches[0].start, min(stretches[-1].end, now)
    if whom.entity_type == "pool":
        segments = cover(stretches, LONGEST_FIRST, state.marks, state.cut)
        pools = " UNION ALL ".join(pool_parts(segments, start, end, state, now))
        return f"part AS ({pools})", _stretch_params(stretches, now)
    spans = state.farm.spans(start, end)
    at_site = [s for s in spans if whom.entity_type != "site" or whom.entity_id in (None, s.site_id)]
    miners = [whom.entity_id] if whom.entity_type == "miner" and whom.entity_id else known_miners(at_site)
    ladder = (
        LONGEST_FIRST[1:] if whom.entity_type == "site" else LONGEST_FIRST
    )  # a miner may move within a month
    segments = cover(stretches, ladder, state.marks, state.cut)
    since = max(start, state.marks.get("slot", start))
    window = SlotWindow(since, end, state.cut.slot_s(now), miners, spans, everyone=whom.entity_id is None)
    params = {"miner_ids": miners, "one_id": whom.entity_id}
    live = ""
    if window.start < window.end:
        slots, more = fastest_slots(window, state.prices_between, state.coins_between)
        params |= more
        live = f"SELECT entity_id, timestamp, {names} FROM ({slots}) slot"
    params |= (
        _stretch_params(stretches, now)
        | _site_params(at_site)
        | _standing_params(at_site, stretches, state, now)
    )
    return _tables(whom, segments, live, names), params


def _tables(whom: Whom, segments: Sequence[Segment], live: str, names: str) -> str:
    """Return the common table expressions: `part`, of sites or of miners, and for sites `present`, whose rows are miners'."""
    if whom.entity_type == "miner":
        only = "" if whom.entity_id is None else ONLY_THESE
        return f"part AS ({_union(STORED + only, segments, 'miner', names, live)})"
    one_site = whom.entity_id is not None
    at_site = LIVE_AT_SITE.format(names=names) if live else ""
    moments = "SELECT entity_id, timestamp FROM live" if live else ""
    part = _union(STORED + ONLY_THIS * one_site, segments, "site", names, at_site)
    present = _union(PRESENT + ONLY_THESE * one_site, segments, "", "", moments)
    told = f"live AS MATERIALIZED ({live}), " if live else ""
    return f"{told}part AS ({part}), present AS ({present})"


def _union(select: str, segments: Sequence[Segment], whose: str, names: str, live: str) -> str:
    within = (
        WITHIN.format(period=s.period, start=s.start.isoformat(), end=s.end.isoformat()) for s in segments
    )
    stored = [select.format(within=each, whose=whose, names=names) for each in within]
    return " UNION ALL ".join([*stored, *([live] if live else [])])


def _sketches(
    whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Return the join of the stretches' percentiles, and its parameters."""
    told = [_so_far(s, now) for s in stretches]
    spans = state.farm.spans(told[0].start, told[-1].end)
    miners = [whom.entity_id] if whom.entity_type == "miner" and whom.entity_id else known_miners(spans)
    stored = [(s.period, s.start, s.end) for s in cover(told, LONGEST_FIRST[:-1], state.marks, state.cut)]
    sql, params = percentiles(whom.entity_type, whom.entity_id, told, stored, miners, spans)
    same = "p.n = merged.n AND coalesce(p.entity_id, 0) = coalesce(merged.entity_id, 0)"
    return f"LEFT JOIN ({sql}) p ON {same}", params


def _stretch_params(stretches: Sequence[Bucket], now: datetime) -> dict[str, Any]:
    so_far = [_so_far(s, now) for s in stretches]
    return {
        "stretch_start": [s.start for s in so_far],
        "stretch_end": [s.end for s in so_far],
        "stretch_s": [s.length_s for s in so_far],
        "stretch_open": [s.end > now for s in stretches],
    }


def _site_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "site_miner": [s.miner_id for s in spans],
        "site_id": [s.site_id for s in spans],
        "site_start": [s.start_s for s in spans],
        "site_end": [s.end_s for s in spans],
    }


def _standing_params(
    spans: Sequence[Span], stretches: Sequence[Bucket], state: State, now: datetime
) -> dict[str, Any]:
    sites = sorted({s.site_id for s in spans})
    return state.farm.standing.params(sites, [_so_far(s, now) for s in stretches])


def _so_far(stretch: Bucket, now: datetime) -> Bucket:
    return Bucket(stretch.start, min(stretch.end, now))
