"""Percentiles of stretches that are no stored period, or not over yet: sketches merged, and the rest from telemetry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hmm.lib.buckets import Bucket
from metrics.engine.belonging import Span
from metrics.engine.pieces import Pieces
from metrics.sketches.cells import ENTITY_OF, KINDS, SPAN, of_telemetry, place_sql
from metrics.sketches.quantities import COLUMNS, NAMES
from metrics.sketches.write import SKETCHES, span_params

Stored = tuple[str, datetime, datetime]
"""All sketches of a period that begin in [start, end)."""

STORED = """
SELECT {place} AS place, cell.bucket, cell.seconds
FROM metrics_sketch s CROSS JOIN LATERAL unnest(s.buckets, s.seconds) AS cell(bucket, seconds)
WHERE s.period = '{period}' AND s.entity_type = '{kind}' AND s.timestamp >= '{start}' AND s.timestamp < '{end}'
  AND (%(sketch_entity)s::int IS NULL OR s.entity_id = %(sketch_entity)s)
"""

STRETCH_OF = "width_bucket(s.timestamp, %(sketch_start)s::timestamptz[]) - 1"

OF_FLEET = f"""
SELECT {{place}} AS place, bucket, seconds FROM ({{cells}}) cell JOIN {SPAN}
    ON span.miner_id = {ENTITY_OF} AND span.start_s <= {{start_s}} AND span.end_s > {{start_s}}
"""

NO_CELLS = "SELECT 0::bigint AS place, 0 AS bucket, 0::bigint AS seconds WHERE false"


SUMMED = """
SELECT {place} AS place, bucket, seconds
FROM unnest(%(cell_site)s::int[], %(cell_bucket)s::int[], %(cell_seconds)s::bigint[]) AS cell(site_id, bucket, seconds)
"""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of sites since `start`, where the stored hours end: so many covered seconds in this bucket of that site."""

    start: datetime
    site_ids: list[int]
    buckets: list[int]
    seconds: list[int]


def are_read(projections: Iterable[str]) -> bool:
    """Return whether one of these SQL expressions reads a percentile."""
    return any(column in sql for sql in projections for column in COLUMNS)


def percentiles(
    entity_type: str,
    entity_id: int | None,
    stretches: Sequence[Bucket],
    stored: Sequence[Stored],
    miner_ids: Sequence[int],
    spans: Sequence[Span],
    summed: Cells | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the query of entity_id, n (which of the stretches, from 1) and the percentiles, and its parameters.

    The stretches adjoin; what of them `stored`, in order, does not cover is read from telemetry, or is in `summed`,
    where the last of that begins with it.
    """
    kind = KINDS.index(entity_type)
    found = [_stored(kind, *part) for part in stored]
    told = [(n, *gap) for n, stretch in enumerate(stretches) for gap in gaps(stretch, stored)]
    if summed and kind and told and told[-1][1] == summed.start:
        found.append(SUMMED.format(place=place_sql(kind, ("0", "site_id", "0")[kind], str(told.pop()[0]))))
    found += [_told(kind, *gap) for gap in told]
    cells = " UNION ALL ".join(found) or NO_CELLS
    sql = f"SELECT nullif(entity_id, 0) AS entity_id, n + 1 AS n, {NAMES} FROM ({SKETCHES.format(cells=cells)}) sketch"
    params = (span_params(spans) if told else {}) | {
        "sketch_start": [s.start for s in stretches],
        "sketch_entity": entity_id,
        "miner_ids": list(miner_ids),
    }
    if summed:
        params |= {
            "cell_site": summed.site_ids,
            "cell_bucket": summed.buckets,
            "cell_seconds": summed.seconds,
        }
    return sql, params


def _stored(kind: int, period: str, start: datetime, end: datetime) -> str:
    return STORED.format(
        place=place_sql(kind, "coalesce(s.entity_id, 0)", STRETCH_OF),
        period=period,
        kind=KINDS[kind],
        start=start.isoformat(),
        end=end.isoformat(),
    )


def _told(kind: int, n: int, start: datetime, end: datetime) -> str:
    start_s = int(start.timestamp())
    cells = of_telemetry(Pieces.between(start, end, int(end.timestamp()) - start_s), str(n))
    if kind == 0:
        return f"SELECT * FROM ({cells}) told"
    place = place_sql(kind, ("0", "site_id", "0")[kind], str(n))
    return OF_FLEET.format(place=place, cells=cells, start_s=start_s)


def gaps(stretch: Bucket, stored: Sequence[Stored]) -> list[tuple[datetime, datetime]]:
    """Return the parts of the stretch that none of `stored` covers."""
    at, found = stretch.start, []
    for _, start, end in stored:
        if at < start < stretch.end:
            found.append((at, start))
        at = max(at, min(end, stretch.end)) if start < stretch.end else at
    return [*found, *([(at, stretch.end)] if at < stretch.end else [])]
