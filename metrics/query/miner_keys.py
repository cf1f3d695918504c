"""A few keys of many miners at once, over slots that are over: only the sums that they are made of are merged."""

import re
from collections.abc import Sequence

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.state import State
from metrics.query.cover import LONGEST_FIRST, Segment, cover
from metrics.store.columns import ALL_COLUMNS
from metrics.types import metric_types

Keys = Sequence[tuple[str, str]]
"""Metric types and keys of them, such as ("efficiency", "j_per_th")."""

SELECT = """
SELECT r.entity_id, {formulas} FROM (
    SELECT part.entity_id, 1 AS miner_count, %(elapsed_s)s::int AS elapsed_s, {merged}
    FROM ({parts}) part GROUP BY part.entity_id
) r
"""

PART = """
SELECT entity_id, {columns} FROM metrics_rollup
WHERE entity_type = 'miner' AND period = '{period}' AND timestamp >= '{start}' AND timestamp < '{end}'
"""
ONLY_THESE = "  AND entity_id = ANY(%(miner_ids)s)"
"""Everyone's rows lie together; those of some are found by the index, each miner's by itself."""


def miner_keys(
    keys: Keys, miner_ids: Sequence[int], stretch: Bucket, state: State
) -> dict[int, tuple[float | None, ...]]:
    """Return these keys of these miners over `stretch`, which is made of stored slots. One query.

    The metrics' own formulas over merged sums, as everywhere; whoever has no data there is left out. Keys that need
    more than the columns of sums, such as percentiles, are not among those that can be asked for.
    """
    found = cover([stretch], LONGEST_FIRST, state.marks, state.cut)
    if not found:
        return {}
    asked = set(miner_ids)
    part = PART if 2 * len(asked) > len(state.farm.miner_sites) else PART + ONLY_THESE
    with connection.cursor() as cursor:
        cursor.execute(_sql(part, keys, found), {"elapsed_s": stretch.length_s, "miner_ids": list(miner_ids)})
        return {miner_id: figures for miner_id, *figures in cursor.fetchall() if miner_id in asked}


def _sql(part: str, keys: Keys, segments: Sequence[Segment]) -> str:
    currency = installation().currency
    formulas = ", ".join(
        f"({metric_types[metric_type].formulas('miner', currency)[key]})::float8" for metric_type, key in keys
    )
    read = set(re.findall(r"\br\.(\w+)", formulas))
    columns = [column for column in ALL_COLUMNS if column.name in read]
    parts = (
        part.format(
            columns=", ".join(column.name for column in columns),
            period=segment.period,
            start=segment.start.isoformat(),
            end=segment.end.isoformat(),
        )
        for segment in segments
    )
    return SELECT.format(
        formulas=formulas,
        merged=", ".join(f"{column.merge}(part.{column.name}) AS {column.name}" for column in columns),
        parts=" UNION ALL ".join(parts),
    )
