"""Merging: a miner's longer periods from its shorter ones, sites and the system from their miners."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from hmm.lib.buckets import MADE_OF, Bucket
from metrics.engine.belonging import Span, miner_spans, site_tariff_spans
from metrics.engine.grid import Grid
from metrics.engine.standing import standing_charges, standing_pence
from metrics.store.columns import MERGED, NAMES

BUCKETS = "unnest(%(b_start)s::timestamptz[], %(b_end)s::timestamptz[], %(b_length_s)s::int[])"

INSERT = f"""
INSERT INTO metrics_rollup
    (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES}, standing_pence)
"""

MERGE_MINERS = f"""{INSERT}
SELECT 'miner', part.entity_id, %(period)s, bucket.start, %(now)s, bucket.length_s, 1,
    {MERGED}, NULL
FROM {BUCKETS} AS bucket(start, stop, length_s)
JOIN metrics_rollup part ON part.timestamp >= bucket.start AND part.timestamp < bucket.stop
WHERE part.period = %(child)s AND part.entity_type = 'miner' AND part.entity_id = ANY(%(miner_ids)s)
GROUP BY part.entity_id, bucket.start, bucket.length_s
"""

MERGE_SITES = f"""{INSERT}
SELECT 'site', span.site_id, %(period)s, bucket.start, %(now)s, bucket.length_s, count(DISTINCT part.entity_id),
    {MERGED}, max(standing.pence)
FROM {BUCKETS} AS bucket(start, stop, length_s)
JOIN metrics_rollup part ON part.timestamp >= bucket.start AND part.timestamp < bucket.stop
JOIN unnest(%(span_miner)s::int[], %(span_site)s::int[], %(span_start)s::timestamptz[],
            %(span_end)s::timestamptz[]) AS span(miner_id, site_id, start, stop)
    ON span.miner_id = part.entity_id AND part.timestamp >= span.start AND part.timestamp < span.stop
LEFT JOIN unnest(%(standing_site)s::int[], %(standing_start)s::timestamptz[], %(standing_pence)s::float8[])
    AS standing(site_id, start, pence) ON standing.site_id = span.site_id AND standing.start = bucket.start
WHERE part.period = %(child)s AND part.entity_type = 'miner'
GROUP BY span.site_id, bucket.start, bucket.length_s
"""

MERGE_SYSTEM = f"""{INSERT}
SELECT 'system', NULL, %(period)s, bucket.start, %(now)s, bucket.length_s, count(*),
    {MERGED},
    (SELECT CASE WHEN count(*) = count(s.standing_pence) THEN sum(s.standing_pence) END
     FROM metrics_rollup s
     WHERE s.period = %(period)s AND s.entity_type = 'site' AND s.timestamp = bucket.start)
FROM {BUCKETS} AS bucket(start, stop, length_s)
JOIN metrics_rollup part ON part.timestamp = bucket.start
WHERE part.period = %(period)s AND part.entity_type = 'miner'
GROUP BY bucket.start, bucket.length_s
"""

DELETE = """
DELETE FROM metrics_rollup
WHERE period = %(period)s AND entity_type = ANY(%(entity_types)s) AND timestamp = ANY(%(b_start)s)
  AND (%(miner_ids)s::int[] IS NULL OR entity_id = ANY(%(miner_ids)s))
"""


def merge_miners(period: str, found: Sequence[Bucket], miner_ids: Sequence[int], now: datetime) -> int:
    """Make anew these miners' rows of `period` for these buckets; return how many there are."""
    params = _bucket_params(period, found, now) | {"miner_ids": list(miner_ids), "child": MADE_OF[period]}
    with connection.cursor() as cursor:
        cursor.execute(DELETE, params | {"entity_types": ["miner"]})
        cursor.execute(MERGE_MINERS, params)
        return cursor.rowcount


def merge_fleet(period: str, found: Sequence[Bucket], grid: Grid, now: datetime) -> int:
    """Make anew every site's and the system's rows of `period` for these buckets; return how many there are.

    A week or month of a site is merged from its miners' days, since a miner may have moved within it.
    """
    if not found:
        return 0
    params = _bucket_params(period, found, now) | {"miner_ids": None, "entity_types": ["site", "system"]}
    spans = miner_spans(grid.zone, found[0].start, found[-1].end)
    sites = params | _span_params(spans) | _standing_params(spans, found, grid)
    with connection.cursor() as cursor:
        cursor.execute(DELETE, params)
        cursor.execute(MERGE_SITES, sites | {"child": "daily" if period in ("weekly", "monthly") else period})
        rows = cursor.rowcount
        cursor.execute(MERGE_SYSTEM, params)
        return rows + cursor.rowcount


def _bucket_params(period: str, found: Sequence[Bucket], now: datetime) -> dict[str, Any]:
    return {
        "period": period,
        "now": now,
        "b_start": [b.start for b in found],
        "b_end": [b.end for b in found],
        "b_length_s": [b.length_s for b in found],
    }


def _span_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "span_miner": [s.miner_id for s in spans],
        "span_site": [s.site_id for s in spans],
        "span_start": [datetime.fromtimestamp(s.start_s, UTC) for s in spans],
        "span_end": [datetime.fromtimestamp(s.end_s, UTC) for s in spans],
    }


def _standing_params(spans: Sequence[Span], found: Sequence[Bucket], grid: Grid) -> dict[str, Any]:
    charges, tariffs = standing_charges(), site_tariff_spans(grid.zone)
    sites = sorted({s.site_id for s in spans}) if charges else []
    pairs = [(site, b) for site in sites for b in found]
    return {
        "standing_site": [site for site, _ in pairs],
        "standing_start": [b.start for _, b in pairs],
        "standing_pence": [standing_pence(site, b, tariffs, charges, grid.zone) for site, b in pairs],
    }
