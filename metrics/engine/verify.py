"""Checks the store: a day is computed again, laid beside what is stored, and thrown away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from typing import Any

from django.db import connection, transaction

from hmm.dirty import mark_miners_dirty
from hmm.lib.buckets import Bucket
from hmm.lib.locks import lock
from metrics.engine.compute import compute
from metrics.engine.farm import read_farm
from metrics.engine.grid import Grid
from metrics.engine.marks import read_marks
from metrics.engine.run import LOCK
from metrics.sketches.quantities import COLUMNS as PERCENTILES
from metrics.store.columns import ALL_COLUMNS, EXTRAS
from miners.models import Miner

OF_ENTITY = ("elapsed_s", "miner_count", "standing_pence")
"""What a row has beside its sums."""

FROM_ROW = {name: name for name in (*OF_ENTITY, *(c.name for c in ALL_COLUMNS))} | {
    extra.name: extra.of_row for extra in EXTRAS
}
PRECISION = dict.fromkeys(FROM_ROW, 1e-9) | dict.fromkeys(PERCENTILES, 1e-6)
"""Each compared quantity, and how far apart (relative) its figures may be: percentiles are stored as real."""

STORED = f"""
SELECT entity_type, coalesce(entity_id, 0), period, timestamp, {", ".join([*FROM_ROW.values(), *PERCENTILES])} FROM metrics_rollup r
WHERE (period IN ('slot', 'hourly', 'daily') AND timestamp >= %(start)s AND timestamp < %(end)s
       OR period = 'weekly' AND timestamp = %(week)s OR period = 'monthly' AND timestamp = %(month)s)
  AND (entity_type IN ('site', 'system') OR entity_type = 'miner' AND entity_id = ANY(%(miner_ids)s))
"""

Key = tuple[str, int, str, datetime]
"""Entity type, entity id (0 for the system), period, timestamp."""

Rows = dict[Key, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what computing it anew gives; None stands for one that is not there."""

    entity_type: str
    entity_id: int | None
    period: str
    timestamp: datetime
    column: str
    stored: float | None
    computed: float | None

    def __str__(self) -> str:
        whose = self.entity_type if self.entity_id is None else f"{self.entity_type} {self.entity_id}"
        return (
            f"{whose}, {self.period} {self.timestamp:%Y-%m-%d %H:%M}Z, {self.column}: "
            f"stored {self.stored}, computed anew {self.computed}"
        )


def verify_day(
    day: Bucket, miner_ids: Sequence[int], cut: Grid, now: datetime
) -> tuple[int, list[Difference]]:
    """Return how many rows of `day` and of its week and month were compared, and every difference. Changes nothing.

    These are the rows of the miners given, from telemetry, and of every site and the system, from all miners' rows.
    """
    with transaction.atomic():
        lock(LOCK)
        before = _rows(day, miner_ids, cut)
        compute(day.start, day.end, miner_ids, read_marks(), cut, read_farm(cut.zone), now)
        after = _rows(day, miner_ids, cut)
        transaction.set_rollback(True)
    return len(after), [d for key in sorted({*before, *after}) for d in _differences(key, before, after)]


def _rows(day: Bucket, miner_ids: Sequence[int], cut: Grid) -> Rows:
    params: dict[str, Any] = {
        "start": day.start,
        "end": day.end,
        "week": cut.bucket_at("weekly", day.start).start,
        "month": cut.bucket_at("monthly", day.start).start,
        "miner_ids": list(miner_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(STORED, params)
        return {row[:4]: row[4:] for row in cursor.fetchall()}


def _differences(key: Key, before: Rows, after: Rows) -> list[Difference]:
    entity_type, entity_id, period, timestamp = key
    nothing = (None,) * len(PRECISION)
    pairs = zip(PRECISION.items(), before.get(key, nothing), after.get(key, nothing), strict=True)
    return [
        Difference(entity_type, entity_id or None, period, timestamp, name, stored, computed)
        for (name, precision), stored, computed in pairs
        if not _same(stored, computed, precision)
    ]


def _same(a: float | None, b: float | None, precision: float) -> bool:
    if a is None or b is None:
        return a is b
    return isclose(a, b, rel_tol=precision, abs_tol=1e-9)


def mark_wrong(differences: Sequence[Difference], day: Bucket) -> None:
    """Have what differs computed anew by the next run.

    Where a site or the system differs that is all miners: one that was not compared may be what is wrong.
    """
    of_fleet = any(d.entity_type != "miner" for d in differences)
    wrong = {d.entity_id for d in differences if d.entity_id is not None}
    mark_miners_dirty(Miner.objects.values_list("pk", flat=True) if of_fleet else wrong, day.start, day.end)
