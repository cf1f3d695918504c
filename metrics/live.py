"""The open period: what is stored of it, and the rest straight from telemetry.

The same pieces, columns and projections as in the store, so that a figure does not jump when its period closes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from metrics.engine.belonging import Span, miner_spans, site_tariff_spans
from metrics.engine.compute import known_miners
from metrics.engine.grid import Grid
from metrics.engine.slots import SELECT_SLOTS, SlotWindow, slot_params
from metrics.engine.standing import standing_charges, standing_pence
from metrics.store.columns import MERGED, NAMES
from metrics.types import metric_types

CHILDREN = {
    "slot": (),
    "hourly": ("slot",),
    "daily": ("hourly", "slot"),
    "weekly": ("daily", "hourly", "slot"),
    "monthly": ("daily", "hourly", "slot"),
}

STORED = f"""
SELECT entity_id, timestamp, {NAMES} FROM metrics_rollup
WHERE period = '{{period}}' AND entity_type = 'miner' AND timestamp >= '{{start}}' AND timestamp < '{{end}}'
"""

GROUPS = {
    "miner": f"""
        SELECT 'miner' AS entity_type, part.entity_id, 1 AS miner_count, {MERGED}
        FROM part WHERE part.entity_id = ANY(%(miner_ids)s) GROUP BY part.entity_id""",
    "site": f"""
        SELECT 'site' AS entity_type, span.site_id AS entity_id, count(DISTINCT part.entity_id) AS miner_count, {MERGED}
        FROM part JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::bigint[],
                              %(span_end)s::bigint[]) AS span(miner_id, site_id, start_s, end_s)
          ON span.miner_id = part.entity_id
         AND part.timestamp >= to_timestamp(span.start_s) AND part.timestamp < to_timestamp(span.end_s)
        GROUP BY span.site_id""",
    "system": f"""
        SELECT 'system' AS entity_type, NULL::int AS entity_id, count(DISTINCT part.entity_id) AS miner_count, {MERGED}
        FROM part HAVING count(*) > 0""",
}


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A figure of the open period."""

    entity_type: str
    entity_id: int | None
    value_json: dict[str, Any]


def live_rows(
    metric_type: str,
    period: str,
    bucket: Bucket,
    *,
    entity_type: str,
    entity_id: int | None,
    cut: Grid,
    marks: dict[str, datetime],
    now: datetime,
) -> list[LiveRow]:
    """Return the figures of the open `bucket` up to `now`, ordered by entity."""
    now = now.replace(microsecond=0)
    spans = miner_spans(cut.zone, bucket.start, max(now, bucket.start))
    wanted = [entity_id] if entity_type == "miner" and entity_id is not None else known_miners(spans)
    stored, lower = _stored(period, bucket, marks, now)
    sql, params = _parts(stored, lower, wanted, spans, cut, now)
    elapsed = Bucket(bucket.start, max(now, bucket.start))
    params |= _standing(entity_type, spans, elapsed, cut) | {"elapsed_s": elapsed.length_s}
    with connection.cursor() as cursor:
        cursor.execute(_select(metric_type, entity_type, sql), params)
        rows = [LiveRow(*row) for row in cursor.fetchall()]
    return [r for r in rows if entity_id is None or r.entity_id == entity_id]


def _stored(
    period: str, bucket: Bucket, marks: dict[str, datetime], now: datetime
) -> tuple[list[str], datetime]:
    """Return the queries of what the store has of the bucket, and from when on telemetry must be read."""
    lower, found = bucket.start, []
    for child in CHILDREN[period]:
        upper = min(marks.get(child, lower), now)
        if upper > lower:
            found.append(STORED.format(period=child, start=lower.isoformat(), end=upper.isoformat()))
            lower = upper
    return found, lower


def _parts(
    stored: list[str], lower: datetime, wanted: list[int], spans: list[Span], cut: Grid, now: datetime
) -> tuple[str, dict[str, Any]]:
    window = SlotWindow(lower, max(now, lower), cut.slot_s(now), wanted, spans)
    live = f"SELECT entity_id, timestamp, {NAMES} FROM ({SELECT_SLOTS}) slot"
    return "\nUNION ALL\n".join([*stored, live]), slot_params(window) | {
        "span_site": [s.site_id for s in spans],
    }


def _select(metric_type: str, entity_type: str, parts: str) -> str:
    projection = metric_types[metric_type].value_json(installation().currency)
    return f"""
        WITH part AS ({parts}), merged AS ({GROUPS[entity_type]}),
        r AS (SELECT merged.*, %(elapsed_s)s::int AS elapsed_s,
                     CASE merged.entity_type
                       WHEN 'system' THEN (SELECT CASE WHEN count(*) = count(p) THEN sum(p) END
                                           FROM unnest(%(standing_pence)s::float8[]) p)
                       ELSE (SELECT s.pence FROM unnest(%(standing_site)s::int[], %(standing_pence)s::float8[])
                             AS s(site_id, pence) WHERE s.site_id = merged.entity_id) END AS standing_pence
              FROM merged)
        SELECT r.entity_type, r.entity_id, {projection} || '{{"partial": true}}'::jsonb
        FROM r ORDER BY r.entity_type, r.entity_id"""


def _standing(entity_type: str, spans: list[Span], elapsed: Bucket, cut: Grid) -> dict[str, Any]:
    pairs = list(_standing_pairs(spans, elapsed, cut)) if entity_type != "miner" else []
    return {"standing_site": [s for s, _ in pairs], "standing_pence": [p for _, p in pairs]}


def _standing_pairs(spans: list[Span], elapsed: Bucket, cut: Grid) -> Iterator[tuple[int, float | None]]:
    charges, tariffs = standing_charges(), site_tariff_spans(cut.zone)
    for site_id in sorted({s.site_id for s in spans}):
        yield site_id, standing_pence(site_id, elapsed, tariffs, charges, cut.zone)

