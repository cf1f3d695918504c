"""Has queries of telemetry see packed days: what they need of those is unpacked beside the plain rows first.

Queries name telemetry by `relation()`. That is the table itself, and its plans stay as they are, unless the reader
is inside of `unpacked` and the time it asks for reaches packed days.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from hmm.lib.batches import batched
from miners.telemetry.packed.store import DAYS_AT_ONCE, copy_days, share_form
from miners.telemetry.rules import MAX_COVERED_S

PLAIN = "telemetry"
BOTH = "(SELECT * FROM telemetry UNION ALL SELECT * FROM telemetry_unpacked)"

NEVER_PACKED = timedelta(days=1)
"""Rows that are younger are plain, whatever the settings say: who reads no others asks for nothing more."""

# A packed day is bounded by the time that its rows cover, so that rows which reach in from later days are found.
CONCERNED = f"""
SELECT DISTINCT p.miner_id, p.day
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS stretch (start, stop)
JOIN telemetry_packed p ON p.begins_at <= stretch.stop AND p.last_at > stretch.start
 AND p.day BETWEEN (stretch.start AT TIME ZONE 'UTC')::date
               AND (stretch.stop AT TIME ZONE 'UTC' + interval '{MAX_COVERED_S} seconds')::date
WHERE p.miner_id = ANY(%(miner_ids)s)
"""

CREATE = """
DROP TABLE IF EXISTS pg_temp.telemetry_unpacked;
CREATE TEMPORARY TABLE telemetry_unpacked (LIKE telemetry) ON COMMIT DROP
"""

INDEX = "CREATE INDEX ON pg_temp.telemetry_unpacked (miner_id, timestamp); ANALYZE pg_temp.telemetry_unpacked"

PAYLOADS = """
SELECT miner_id, day, payload || payload_end FROM telemetry_packed
WHERE (miner_id, day) IN (SELECT * FROM unnest(%s::int[], %s::date[]))
"""

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is unpacked: all that these miners have in these stretches. `relation` is where to read it."""

    stretches: Sequence[Stretch]
    miner_ids: frozenset[int]
    relation: str

    def covers(self, stretches: Sequence[Stretch], miner_ids: Sequence[int]) -> bool:
        return self.miner_ids.issuperset(miner_ids) and all(
            any(low <= start and end <= high for low, high in self.stretches) for start, end in stretches
        )


_seen: ContextVar[_Seen | None] = ContextVar("unpacked telemetry", default=None)


def relation() -> str:
    """Return what stands for telemetry in the FROM of a query that runs now."""
    seen = _seen.get()
    return PLAIN if seen is None else seen.relation


def sees_packed() -> bool:
    """Return whether `relation()` holds unpacked rows too, so that a query made elsewhere would miss them."""
    return relation() != PLAIN


@contextmanager
def unpacked(
    stretches: Sequence[Stretch], miner_ids: Sequence[int], now: datetime | None = None
) -> Iterator[None]:
    """Within, queries of telemetry see these miners' packed rows too that overlap [start, end) of `stretches`.

    It works in a transaction, its own where none runs, and until that ends no day changes its form. Stretches that
    are recent at `now` cost nothing.
    """
    old = [
        (start, end)
        for start, end in stretches
        if start < end and (now is None or start < now - NEVER_PACKED)
    ]
    seen = _seen.get()
    if not old or (seen is not None and seen.covers(old, miner_ids)):
        yield
        return
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        share_form()
        name = BOTH if _unpack_beside(old, miner_ids) else PLAIN
        token = _seen.set(_Seen(old, frozenset(miner_ids), name))
        try:
            yield
        finally:
            _seen.reset(token)


def _unpack_beside(stretches: Sequence[Stretch], miner_ids: Sequence[int]) -> bool:
    """Fill the table of unpacked rows; return False, with no table, where nothing is packed."""
    params: dict[str, Any] = {
        "starts": [start for start, _ in stretches],
        "ends": [end for _, end in stretches],
        "miner_ids": list(miner_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(CONCERNED, params)
        days = cursor.fetchall()
        if not days:
            return False
        cursor.execute(CREATE)
        for part in batched(days, DAYS_AT_ONCE):
            cursor.execute(PAYLOADS, [list(column) for column in zip(*part, strict=True)])
            copy_days(cursor, "telemetry_unpacked", cursor.fetchall())
        cursor.execute(INDEX)
    return True
