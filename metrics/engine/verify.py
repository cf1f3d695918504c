"""Checks the store: a day is computed again from telemetry, laid beside what is stored, and thrown away."""

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
from metrics.engine.grid import Grid
from metrics.engine.marks import read_marks
from metrics.engine.run import LOCK
from metrics.store.columns import ALL_COLUMNS

NAMES = [c.name for c in ALL_COLUMNS]

STORED = f"""
SELECT entity_type, entity_id, period, timestamp, {", ".join(NAMES)} FROM metrics_rollup
WHERE period IN ('slot', 'hourly', 'daily') AND timestamp >= %(start)s AND timestamp < %(end)s
  AND entity_type = 'miner' AND entity_id = ANY(%(miner_ids)s)
"""

Key = tuple[str, int, str, datetime]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what telemetry says; None stands for one that is not there."""

    entity_id: int
    period: str
    timestamp: datetime
    column: str
    stored: float | None
    computed: float | None

    def __str__(self) -> str:
        return (
            f"miner {self.entity_id}, {self.period} {self.timestamp:%Y-%m-%d %H:%M}Z, {self.column}: "
            f"stored {self.stored}, telemetry says {self.computed}"
        )


def verify_day(
    day: Bucket, miner_ids: Sequence[int], cut: Grid, now: datetime
) -> tuple[int, list[Difference]]:
    """Return how many rows of these miners' `day` were compared, and every difference. Changes nothing."""
    with transaction.atomic():
        lock(LOCK)
        before = _rows(day, miner_ids)
        compute(day.start, day.end, miner_ids, read_marks(), cut, now)
        after = _rows(day, miner_ids)
        transaction.set_rollback(True)
    return len(after), [d for key in sorted({*before, *after}) for d in _differences(key, before, after)]


def _rows(day: Bucket, miner_ids: Sequence[int]) -> dict[Key, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(STORED, {"start": day.start, "end": day.end, "miner_ids": list(miner_ids)})
        return {row[:4]: row[4:] for row in cursor.fetchall()}


def _differences(
    key: Key, before: dict[Key, tuple[Any, ...]], after: dict[Key, tuple[Any, ...]]
) -> list[Difference]:
    nothing = (None,) * len(NAMES)
    pairs = zip(NAMES, before.get(key, nothing), after.get(key, nothing), strict=True)
    return [Difference(key[1], key[2], key[3], name, a, b) for name, a, b in pairs if not _same(a, b)]


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def mark_wrong(differences: Sequence[Difference], day: Bucket) -> None:
    """Have what differs computed anew by the next run."""
    mark_miners_dirty((d.entity_id for d in differences), day.start, day.end)
