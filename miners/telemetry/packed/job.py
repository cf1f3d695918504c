"""The daily packing: rows older than some days become packed rows, and partitions that have become empty go."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from miners.telemetry.packed.store import midnight, pack
from miners.telemetry.partitions import Partition, drop_if_empty, is_partitioned, list_partitions

ROWS_AT_ONCE = 60_000
"""So many rows at most are packed in a transaction, unless one miner has more in a day: late rows wait for it."""

THERE = """
SELECT (timestamp AT TIME ZONE 'UTC')::date AS day, miner_id, count(*)
FROM {partition} WHERE timestamp < %s GROUP BY day, miner_id ORDER BY day, miner_id
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Miners that have plain rows on a UTC day, to be packed in one transaction."""

    day: date
    miner_ids: list[int]
    rows: int


def first_plain_day(now: datetime, detail_days: int) -> date:
    """Return the first UTC day that stays plain: no row of the days before is younger than `detail_days`."""
    return (now.astimezone(UTC) - timedelta(days=detail_days)).date()


def pack_old(now: datetime, detail_days: int) -> int:
    """Pack all rows of days that are over since `detail_days`; return how many.

    Call it outside a transaction: each group of miners and a day commits, and an empty partition goes at once. Where
    telemetry is a hypertable there is nothing to do.
    """
    if not is_partitioned():
        return 0
    before, rows = first_plain_day(now, detail_days), 0
    for partition in list_partitions():
        if partition.start >= before:
            break
        rows += sum(pack(group.miner_ids, group.day) for group in groups(partition, before))
        if partition.end <= before:
            drop_if_empty(partition)
    return rows


def groups(partition: Partition, before: date) -> Iterator[Group]:
    """Yield what is to be packed of the days of `partition` before `before`."""
    with connection.cursor() as cursor:
        cursor.execute(THERE.format(partition=partition.name), [midnight(before)])
        found = cursor.fetchall()
    group: Group | None = None
    for day, miner_id, rows in found:
        if group is not None and group.day == day and group.rows + rows <= ROWS_AT_ONCE:
            group = Group(day, [*group.miner_ids, miner_id], group.rows + rows)
            continue
        if group is not None:
            yield group
        group = Group(day, [miner_id], rows)
    if group is not None:
        yield group
