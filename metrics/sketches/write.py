"""Makes and merges sketches. The engine calls this just before it merges the same buckets of its rollup."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from hmm.lib.buckets import MADE_OF, PERIODS, Bucket
from metrics.engine.belonging import Span
from metrics.engine.grid import Grid
from metrics.engine.pieces import ASKED, PIECE_TYPES, Pieces, piece_params, worth_a_scan, worth_sharing
from metrics.sketches.cells import ENTITY_OF, KIND_OF, NUMBER_OF, OF_MINERS, OF_SHORTER, SPAN, of_telemetry
from metrics.sketches.quantities import NAMES, PERCENTS, QUANTITIES, QUANTITY_STEP, estimate_sql
from metrics.store.kept import Batch, Kept
from metrics.store.staging import staged
from miners.telemetry.packed.reading import sees_packed
from miners.telemetry.read import REACHING, read_reaching_in

SHORTEST = "hourly"
"""Slots have no sketch."""

REACHED = ", ".join(
    f"min(bucket) FILTER (WHERE bucket / {QUANTITY_STEP} = {quantity.number} AND up_to * 100 >= total * {percent})"
    f" AS {column}"
    for quantity in QUANTITIES
    for percent, column in zip(PERCENTS, quantity.percentiles.values(), strict=True)
)
ESTIMATES = ", ".join(
    f"{estimate_sql(column)} AS {column}"
    for quantity in QUANTITIES
    for column in quantity.percentiles.values()
)

SKETCHES = f"""
SELECT {KIND_OF} AS kind, {ENTITY_OF} AS entity_id, {NUMBER_OF} AS n, buckets, seconds, {ESTIMATES}
FROM (
    SELECT place, array_agg(bucket) AS buckets, array_agg(seconds) AS seconds, {REACHED}
    FROM (
        SELECT place, bucket, seconds::bigint, sum(seconds::float8) OVER (quantity ORDER BY bucket) AS up_to,
               sum(seconds::float8) OVER quantity AS total
        FROM ({{cells}}) cell WINDOW quantity AS (PARTITION BY place, bucket / {QUANTITY_STEP})
    ) ranked GROUP BY place
) sketch
"""
"""Of cells: kind, entity_id (0 for the system), n, buckets, seconds and the percentiles. Sums for the ranks are floats:
exact below 2^53 seconds, and quicker than the numeric that PostgreSQL sums bigint in."""

INSERT = f"""
INSERT INTO metrics_sketch (entity_type, entity_id, period, timestamp, buckets, seconds, {NAMES})
SELECT (ARRAY['miner', 'site', 'system'])[kind + 1], nullif(sketch.entity_id, 0), %(period)s, bucket.start,
       buckets, seconds, {NAMES}
FROM {{source}} sketch
JOIN unnest(%(start)s::timestamptz[]) WITH ORDINALITY AS bucket(start, n) ON bucket.n = sketch.n + 1
"""

INSERT_CELLS = INSERT.format(source=f"({SKETCHES})")

OF_SOMEBODY = f"""
JOIN {SPAN} ON span.miner_id = sketch.entity_id
 AND bucket.start >= to_timestamp(span.start_s) AND bucket.start < to_timestamp(span.end_s)
"""
"""As with slots, what a miner did before it belonged to a site is in no figure."""

DELETE = """
DELETE FROM metrics_sketch WHERE period = %(period)s AND timestamp >= %(low)s AND timestamp < %(high)s
  AND (entity_type <> 'miner' OR (%(everyone)s OR entity_id = ANY(%(miner_ids)s)) AND timestamp <> ALL(%(kept)s::timestamptz[]))
"""

FORGET = """
DELETE FROM metrics_sketch WHERE (period <> 'hourly' OR entity_type <> 'miner' OR timestamp <> ALL(%(kept)s::timestamptz[]))
  AND timestamp >= coalesce((SELECT slots_from FROM metrics_storeform), '-infinity')
"""

MINER_HOURS_AT_ONCE = 20_000
"""So many fit the hash tables in the memory that the engine gives a query; a day is read whole in any case."""


FEW = 1000
"""Fewer sketches are made by kept plans."""

TYPES = PIECE_TYPES | {
    "low": "timestamptz",
    "high": "timestamptz",
    "start": "timestamptz[]",
    "kept": "timestamptz[]",
    "first": "int",
    "child_start": "timestamptz[]",
    "number": "int[]",
    "sketch_miner": "int[]",
    "sketch_site": "int[]",
    "sketch_since_s": "bigint[]",
    "sketch_until_s": "bigint[]",
}

INSERT_FEW_HOURS = INSERT_CELLS.format(cells=of_telemetry(ASKED, "%(first)s")) + OF_SOMEBODY
FORGET_HOURS = {
    everyone: Kept.of(
        f"sketches_forget_{who}_hours", TYPES, [DELETE], {"period": SHORTEST, "everyone": everyone}
    )
    for everyone, who in ((True, "all"), (False, "some"))
}
HOURS_OF_MINERS = Kept.of("sketches_of_telemetry", TYPES, [INSERT_FEW_HOURS], {"period": SHORTEST})
HOURS_OF_FLEET = Kept.of(
    "sketches_of_miners", TYPES, [INSERT_CELLS.format(cells=OF_MINERS)], {"period": SHORTEST}
)


def _longer(period: str, *, everyone: bool) -> Kept:
    fixed: dict[str, str | bool] = {"period": period, "child": MADE_OF[period], "everyone": everyone}
    label = f"sketches_{'all' if everyone else 'some'}_{period}"
    return Kept.of(label, TYPES, [DELETE, INSERT_CELLS.format(cells=OF_SHORTER)], fixed)


LONGER = {(p, everyone): _longer(p, everyone=everyone) for p in PERIODS[2:] for everyone in (False, True)}
KEPT = (*FORGET_HOURS.values(), HOURS_OF_MINERS, HOURS_OF_FLEET, *LONGER.values())


@dataclass(frozen=True, slots=True)
class Hours:
    """Equally long hours that adjoin; `first` is the number of the first.

    `scan` says to read whole partitions, `shared` to have parallel workers do it.
    """

    first: int
    start: datetime
    end: datetime
    length_s: int
    scan: bool
    shared: bool


def write_sketches(
    period: str,
    found: Sequence[Bucket],
    miner_ids: Sequence[int],
    spans: Sequence[Span],
    grid: Grid,
    *,
    everyone: bool,
    batch: Batch,
    kept: Collection[Bucket] = (),
) -> None:
    """Make anew these miners', every site's and the system's sketches of these adjoining buckets of `period`.

    Hours are made from telemetry, longer periods from those they are made of. `spans` are those of all miners over
    the whole time; `everyone` says that these are all the miners there are. What miners did in the hours `kept` stays.
    """
    if not found:
        return
    params = _params(found, miner_ids) | {"kept": [b.start for b in kept]}
    few = len(found) * len(spans) < FEW
    if period != SHORTEST:
        _run(LONGER[period, everyone], params | _children(period, found, grid), batch, few=few)
        return
    _run(FORGET_HOURS[everyone], params, batch, few=few)
    params |= span_params(spans)
    for hours in _hours(found, set(kept), len(miner_ids), everyone=everyone):
        if hours.shared or sees_packed():  # a kept plan reads plain rows alone
            batch.at_once(partial(_insert_hours, hours=hours, params=params), counted=False)
        else:
            asked = piece_params(hours.start, hours.end, hours.length_s) | {"first": hours.first}
            _run(HOURS_OF_MINERS, params | asked, batch, few=few)
    _run(HOURS_OF_FLEET, params, batch, few=few)


def _run(statements: Kept, params: Mapping[str, Any], batch: Batch, *, few: bool) -> None:
    if few:
        batch.add(statements, params, counted=False)
    else:
        batch.at_once(lambda cursor: statements.execute(cursor, params), counted=False)


def _insert_hours(cursor: CursorWrapper, hours: Hours, params: dict[str, Any]) -> int:
    pieces = Pieces.between(hours.start, hours.end, hours.length_s, everyone=hours.scan, reaching=REACHING)
    more = {} if pieces.edges else read_reaching_in(hours.start, hours.end, params["miner_ids"])
    cells = of_telemetry(pieces, str(hours.first), shared=True)
    with staged(cursor, SKETCHES.format(cells=cells), params | more) as stage:
        cursor.execute(INSERT.format(source=stage) + OF_SOMEBODY, params | {"period": SHORTEST})
        return int(cursor.rowcount)


def forget_sketches(kept: Collection[Bucket]) -> None:
    """Delete every sketch but those of miners in the hours `kept`."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"kept": [b.start for b in kept]})


def _hours(found: Sequence[Bucket], kept: set[Bucket], miners: int, *, everyone: bool) -> Iterator[Hours]:
    """Yield each run of equally long hours that is not too long."""
    at_once = max(24, MINER_HOURS_AT_ONCE // max(1, miners))
    for (length_s, is_kept), run in groupby(
        enumerate(found), lambda pair: (pair[1].length_s, pair[1] in kept)
    ):
        hours = [] if is_kept else list(run)
        for i in range(0, len(hours), at_once):
            part = hours[i : i + at_once]
            (first, low), (_, high) = part[0], part[-1]
            shared = worth_sharing(miners, low.start, high.end)
            scan = everyone and (shared or worth_a_scan(low.start, high.end))
            yield Hours(first, low.start, high.end, length_s, scan, shared)


def _params(found: Sequence[Bucket], miner_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "low": found[0].start,
        "high": found[-1].end,
        "start": [b.start for b in found],
        "miner_ids": list(miner_ids),
    }


def _children(period: str, found: Sequence[Bucket], grid: Grid) -> dict[str, Any]:
    child = MADE_OF[period]
    pairs = [(n, c.start) for n, b in enumerate(found) for c in grid.buckets(child, b.start, b.end)]
    return {
        "child_start": [start for _, start in pairs],
        "number": [n for n, _ in pairs],
    }


def span_params(spans: Sequence[Span]) -> dict[str, Any]:
    """Return the parameters of SPAN."""
    return {
        "sketch_miner": [s.miner_id for s in spans],
        "sketch_site": [s.site_id for s in spans],
        "sketch_since_s": [s.start_s for s in spans],
        "sketch_until_s": [s.end_s for s in spans],
    }
