"""What the open period is made of, whoever has its last part: stored rows, standing charges, and projections."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from metrics.engine.belonging import Span
from metrics.engine.state import State
from metrics.sketches.quantities import NAMES as PERCENTILES
from metrics.sketches.quantities import NO_PERCENTILES
from metrics.sketches.read import Stored
from metrics.types import metric_types

CHILDREN: dict[str, tuple[str, ...]] = {
    "slot": (),
    "hourly": ("slot",),
    "daily": ("hourly", "slot"),
    "weekly": ("daily", "hourly", "slot"),
    "monthly": ("daily", "hourly", "slot"),
}

STORED = "SELECT entity_id, timestamp, {names} FROM metrics_rollup WHERE {within} AND entity_type = '{whose}'"
PRESENT = "SELECT entity_id, timestamp FROM metrics_rollup WHERE {within} AND entity_type = '{whose}'"

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


def stored_parts(periods: Sequence[str], bucket: Bucket, state: State, now: datetime) -> list[Stored]:
    """Return what the store has of the bucket in these periods, the longest first, without overlap."""
    lower, found = bucket.start, []
    for child in periods:
        upper = min(state.marks.get(child, lower), now)
        if upper > lower:
            found.append((child, lower, upper))
            lower = upper
    return found


def projections_of(types: Sequence[str], currency: str = "") -> list[str]:
    """Return the SQL of these types' figures over a row `r`, said to be partial; in the installation's currency."""
    currency = currency or installation().currency
    return [
        f"""{metric_types[name].value_json(currency)} || '{{"partial": true}}'::jsonb""" for name in types
    ]


def within(period: str, start: datetime | str, end: datetime | str) -> str:
    """Return the condition that a stored row of `period` begins in [start, end), of which each may be SQL."""
    low, high = (f"'{at.isoformat()}'" if isinstance(at, datetime) else at for at in (start, end))
    return f"period = '{period}' AND timestamp >= {low} AND timestamp < {high}"


def projected(projections: Sequence[str], entity_type: str, merged: str, percentiles: str) -> str:
    """Return the query of these projections; `merged` are common table expressions that end with one of that name."""
    beside = f"LEFT JOIN ({percentiles}) p ON coalesce(p.entity_id, 0) = coalesce(merged.entity_id, 0)"
    return f"""
        WITH {merged},
             r AS (SELECT merged.*, %(elapsed_s)s::int AS elapsed_s, {STANDING[entity_type]} AS standing_pence,
                          {PERCENTILES if percentiles else NO_PERCENTILES}
                   FROM merged {beside if percentiles else ""})
        SELECT r.entity_type, r.entity_id, {", ".join(projections)} FROM r ORDER BY r.entity_type, r.entity_id"""


def live_row(types: Sequence[str], entity_type: str, entity_id: int | None, *values: str) -> LiveRow:
    """Return the figures of one entity from its row: its type, its id, and a figure for each type."""
    return LiveRow(entity_type, entity_id, {t: json.loads(v) for t, v in zip(types, values, strict=True)})


def standing_params(entity_type: str, spans: Sequence[Span], elapsed: Bucket, state: State) -> dict[str, Any]:
    """Return the parameters of STANDING for the sites of these spans."""
    sites = sorted({s.site_id for s in spans}) if entity_type != "miner" else []
    return state.farm.standing.params(sites, [elapsed])
