"""The open period of sites and the system, of stored rows and of sums of the open slot: no telemetry is read.

What `live` makes of telemetry, `metrics.engine.open_sums` has made of it before; both give the same figures.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import Span, known_miners
from metrics.engine.state import State
from metrics.engine.summed import SUMS, Summed, SummedAt
from metrics.live_parts import (
    CHILDREN,
    STORED,
    LiveRow,
    live_row,
    projected,
    projections_of,
    standing_params,
    stored_parts,
    within,
)
from metrics.sketches.quantities import without_percentiles
from metrics.sketches.read import are_read, percentiles
from metrics.store.columns import Needed, needed_by
from metrics.store.kept import Query

OF_SUMS = ("site", "system")
"""The kinds of entities whose open slot may be summed."""

# A miner that has done nothing in the open slot counts where it has done something before. It is looked for once.
ELSEWHERE = """
elsewhere AS (
    SELECT span.site_id, span.miner_id
    FROM unnest(%(other_miner)s::int[], %(other_site)s::int[], %(other_start)s::bigint[], %(other_end)s::bigint[])
        AS span(miner_id, site_id, start_s, end_s)
    WHERE EXISTS (
        SELECT FROM metrics_rollup WHERE ({within}) AND entity_type = 'miner' AND entity_id = span.miner_id
          AND timestamp >= to_timestamp(span.start_s) AND timestamp < to_timestamp(span.end_s)))
"""

MERGE = {
    "site": """
        SELECT 'site' AS entity_type, part.entity_id,
            coalesce(max(here.miners), 0)
              + (SELECT count(*) FROM elsewhere WHERE elsewhere.site_id = part.entity_id) AS miner_count, {merged}
        FROM part LEFT JOIN unnest(%(here_site)s::int[], %(here_miners)s::int[]) AS here(site_id, miners)
            ON here.site_id = part.entity_id
        GROUP BY part.entity_id""",
    "system": """
        SELECT 'system' AS entity_type, NULL::int AS entity_id,
            %(here)s + (SELECT count(DISTINCT miner_id) FROM elsewhere) AS miner_count, {merged}
        FROM part HAVING count(*) > 0""",
}


def fleet_rows(
    types: Sequence[str],
    period: str,
    bucket: Bucket,
    state: State,
    told: SummedAt,
    entity_type: str,
    *,
    with_percentiles: bool = True,
) -> list[LiveRow]:
    """Return the figures of all sites or of the system as of when they are summed. One query."""
    sql, params = fleet_query(
        types, period, bucket, state, told, entity_type, with_percentiles=with_percentiles
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [live_row(types, *row) for row in cursor.fetchall()]


def fleet_query(
    types: Sequence[str],
    period: str,
    bucket: Bucket,
    state: State,
    told: SummedAt,
    entity_type: str,
    *,
    with_percentiles: bool = True,
) -> Query:
    """Return the query of these figures, of which `live_row` makes sense."""
    elapsed = Bucket(bucket.start, told.as_of)
    spans = state.farm.spans(elapsed.start, elapsed.end)
    parts = stored_parts(CHILDREN[period], elapsed, state, told.sums.start)
    projections = projections_of(types)
    if not with_percentiles:
        projections = [without_percentiles(value) for value in projections]
    params = standing_params(entity_type, spans, elapsed, state) | {"elapsed_s": elapsed.length_s}
    params |= _params(entity_type, told.sums, spans)
    source, more = "", dict[str, Any]()
    if with_percentiles and period != "slot" and are_read(projections):
        sketched = stored_parts(CHILDREN[period][:-1], bucket, state, told.as_of)
        miner_ids, cells = known_miners(spans), told.sums.cells
        source, more = percentiles(entity_type, None, [elapsed], sketched, miner_ids, spans, cells)
    merged = _merged(entity_type, [within(*part) for part in parts], needed_by(" ".join(projections)))
    return projected(projections, entity_type, merged, source), params | more


def _merged(entity_type: str, parts: Sequence[str], needed: Needed) -> str:
    """Return the common table expressions that end with `merged`: the sums of each site, or of the system.

    `parts` are the conditions of the stored rows that the period has.
    """
    stored = [STORED.format(within=each, whose="site", names=needed.names) for each in parts]
    elsewhere = ELSEWHERE.format(within=" OR ".join(f"({each})" for each in parts) or "FALSE")
    merge = MERGE[entity_type].format(merged=needed.merged)
    return f"part AS ({' UNION ALL '.join([*stored, SUMS.format(names=needed.names)])}), {elsewhere}, merged AS ({merge})"


def _params(entity_type: str, summed: Summed, spans: Iterable[Span]) -> dict[str, Any]:
    """Return the parameters of `_merged`; `spans` are those of all miners in the period."""
    if entity_type == "system":
        everyone = summed.miners_of()
        told: dict[str, Any] = {"here": everyone.bit_count()}
        here: Mapping[int, int] = dict.fromkeys({span.site_id for span in spans}, everyone)
    else:
        here = summed.miners
        told = {"here_site": list(here), "here_miners": [bits.bit_count() for bits in here.values()]}
    others = _others(here, spans)
    return {
        "told": json.dumps(summed.sites),
        "other_miner": [span.miner_id for span in others],
        "other_site": [span.site_id for span in others],
        "other_start": [span.start_s for span in others],
        "other_end": [span.end_s for span in others],
        **told,
    }


def _others(here: Mapping[int, int], spans: Iterable[Span]) -> list[Span]:
    """Return the spans of miners that are not among those of their site `here`."""
    digits = {site_id: f"{bits:b}"[::-1] for site_id, bits in here.items()}
    return [span for span in spans if digits.get(span.site_id, "")[span.miner_id : span.miner_id + 1] != "1"]
