"""Rows for days that are packed: those days become plain rows again, to be merged as any, until the next packing."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from miners.telemetry.packed.dropping import dropped_among, dropped_reason
from miners.telemetry.packed.reading import NEVER_PACKED
from miners.telemetry.packed.store import hold_unpacking, share_packing, unpack
from miners.telemetry.partitions import ensure_days, keep_partitions
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.rules import MAX_COVERED_S

DAYS_AROUND = MAX_COVERED_S // 86400 + 1
"""No interval reaches over more."""

# The days themselves, and the nearest one either side: its last row bounds the first given one, its first row may
# have to be shortened.
CONCERNED = f"""
SELECT p.miner_id, p.day
FROM unnest(%(miner_ids)s::int[], %(firsts)s::date[], %(lasts)s::date[]) AS given (miner_id, first, last)
CROSS JOIN LATERAL (
    SELECT p.miner_id, p.day FROM telemetry_packed p
    WHERE p.miner_id = given.miner_id AND p.day BETWEEN given.first AND given.last
    UNION ALL (
        SELECT p.miner_id, p.day FROM telemetry_packed p
        WHERE p.miner_id = given.miner_id AND p.day < given.first AND p.day >= given.first - {DAYS_AROUND}
        ORDER BY p.day DESC LIMIT 1
    ) UNION ALL (
        SELECT p.miner_id, p.day FROM telemetry_packed p
        WHERE p.miner_id = given.miner_id AND p.day > given.last AND p.day <= given.last + {DAYS_AROUND}
        ORDER BY p.day LIMIT 1
    )
) p
"""


class Stretch(NamedTuple):
    """A miner has rows to be stored from `first` to `last`, the first of which may begin at `begins`."""

    miner_id: int
    begins: datetime
    first: datetime
    last: datetime


def make_room_for(rows: Sequence[TelemetryRow], days: Iterable[date], now: datetime) -> int:
    """Do what `make_room` does for single rows, of the UTC days `days`."""
    if not rows:
        return 0
    longest = timedelta(seconds=max(row.covered_s for row in rows))
    if min(row.timestamp for row in rows) - longest >= now - NEVER_PACKED:  # a tick of thousands of miners
        return 0
    stretches = [
        Stretch(r.miner_id, r.timestamp - timedelta(seconds=r.covered_s), r.timestamp, r.timestamp)
        for r in rows
    ]
    return make_room(stretches, days, now)


def make_room(stretches: Iterable[Stretch], days: Iterable[date], now: datetime) -> int:
    """Have the days that rows in `stretches` touch be plain, until the running transaction ends. Returns the rows.

    `days` are the UTC days of those rows. Call it where the miners' latest readings are locked. For recent rows it
    asks nothing.
    """
    old = [s for s in stretches if s.begins < now - NEVER_PACKED]
    if not old:
        return 0
    share_packing()
    keep_partitions()
    if not _packed_around(old):
        ensure_days(days)
        return 0
    hold_unpacking()
    found = _packed_around(old)  # somebody else may have unpacked them while this one waited
    ensure_days({day for _, day in found}.union(days))
    return unpack(found) if found else 0


def _packed_around(stretches: Sequence[Stretch]) -> list[tuple[int, date]]:
    params: dict[str, Any] = {
        "miner_ids": [s.miner_id for s in stretches],
        "firsts": [s.first.astimezone(UTC).date() for s in stretches],
        "lasts": [s.last.astimezone(UTC).date() for s in stretches],
    }
    with connection.cursor() as cursor:
        cursor.execute(CONCERNED, params)
        return sorted(set(cursor.fetchall()))


def sort_out_dropped(
    rows: Sequence[TelemetryRow], now: datetime
) -> tuple[list[TelemetryRow], list[tuple[TelemetryRow, str]]]:
    """Return those of `rows` that may be stored, and those whose day has been dropped, each with that as the reason.

    Where none is old it asks nothing.
    """
    gone = reasons_dropped([(row.miner_id, row.timestamp) for row in rows], now)
    return (
        [row for n, row in enumerate(rows) if n not in gone],
        [(row, gone[n]) for n, row in enumerate(rows) if n in gone],
    )


def reasons_dropped(rows: Sequence[tuple[int, datetime]], now: datetime) -> dict[int, str]:
    """Return why those of `rows` (miner, time), by their position, may not be stored whose day has been dropped.

    Where none is old it asks nothing.
    """
    if all(at >= now - NEVER_PACKED for _, at in rows):
        return {}
    return {n: dropped_reason(until) for n, until in dropped_among(rows).items()}
