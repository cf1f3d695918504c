"""Figures of any stretch of whole slots, merged from the sums of the store as a stored period is.

Averages are never averaged: the rollup rows of miners, or of sites, are merged column by column, and the metric type's
own projection makes the figure. What is not over yet comes straight from telemetry, as in an open period.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.state import State
from metrics.engine.summed import Summed
from metrics.live_fleet import OF_SUMS
from metrics.query.counted import NUMBER
from metrics.query.merge_parts import (
    AT_SITE,
    Whom,
    miners_of,
    parts_of,
    sketches_of,
    told_by_telemetry,
)
from metrics.query.pool_parts import merge_sql
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.sketches.quantities import NO_PERCENTILES, without_percentiles
from metrics.sketches.read import are_read
from metrics.store.columns import needed_by
from metrics.store.kept import arguments
from metrics.types import metric_types
from miners.telemetry.packed.reading import unpacked

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
        FROM part JOIN counted ON counted.n = {NUMBER}
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
    summed = state.summed_at(now, told[-1]) if whom.entity_type in OF_SUMS else None
    if summed:
        now = summed.as_of
    with_sketches = with_sketches and are_read([value])
    read = told_by_telemetry(told, state, now) if with_sketches or not summed else []
    with unpacked(read, miners_of(whom, told, state, now) if read else [], now):
        sums = summed.sums if summed else None
        return _selected(value, whom, told, state, now, tail, sums, with_sketches=with_sketches)


def _selected(
    value: str,
    whom: Whom,
    told: Sequence[Bucket],
    state: State,
    now: datetime,
    tail: Tail,
    summed: Summed | None,
    *,
    with_sketches: bool,
) -> list[Merged]:
    needed = needed_by(value)
    parts, params = parts_of(whom, told, state, now, needed.names, summed)
    sketches, more = sketches_of(whom, told, state, now, summed) if with_sketches else ("", {})
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
        cursor.execute(sql, arguments(params | more | dict(tail.params)))
        return [(start, end, pk, json.loads(told)) for start, end, pk, told in cursor.fetchall()]
