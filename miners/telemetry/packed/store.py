"""Moves miners' days between plain rows and packed ones, each in one transaction: either form, never both or none."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from hmm.dirty import mark_miners_dirty
from hmm.lib.batches import batched
from hmm.lib.binary_arrays import Int4Array, binding_cursor, number_array
from hmm.lib.locks import lock, lock_shared
from miners.telemetry.packed.payload import Day, decode, encode
from miners.telemetry.packed.wire import READ, WRITE, read_days, write_days
from miners.telemetry.rules import MAX_COVERED_S

PACKING, UNPACKING = "packing telemetry", "unpacking telemetry"
"""Locks, taken in this order: held by whoever packs (or drops) days, and by whoever unpacks them for good. Readers of
what may be packed share both; writers of late rows share the first, and so wait for no reader where nothing is packed."""

STORE = """
COPY telemetry_packed (miner_id, day, rows, begins_at, first_at, last_at, payload, payload_end) FROM STDIN (FORMAT binary)
"""
STORED_TYPES = ("int4", "date", "int4", "timestamptz", "timestamptz", "timestamptz", "bytea", "bytea")

CHUNK = 1996
"""Bytes of a long value that PostgreSQL stores together, four times to a page: what begins a chunk takes all its room."""

DELETE = "DELETE FROM telemetry WHERE miner_id = ANY(%s) AND timestamp >= %s AND timestamp < %s"

TAKE = """
DELETE FROM telemetry_packed WHERE (miner_id, day) IN (SELECT * FROM unnest(%s::int[], %s::date[]))
RETURNING miner_id, day, payload || payload_end
"""

PACKED_ALREADY = "SELECT miner_id FROM telemetry_packed WHERE miner_id = ANY(%s) AND day = %s"

# OFFSET 0 keeps it a look-up in the index for each.
PLAIN_TOO = """
SELECT given.miner_id, given.day FROM unnest(%s::int[], %s::date[]) AS given (miner_id, day)
CROSS JOIN LATERAL (
    SELECT FROM telemetry t WHERE t.miner_id = given.miner_id
      AND t.timestamp >= given.day::timestamp AT TIME ZONE 'UTC'
      AND t.timestamp < (given.day + 1)::timestamp AT TIME ZONE 'UTC'
    LIMIT 1 OFFSET 0
) there
"""

BESIDE = """
DROP TABLE IF EXISTS pg_temp.telemetry_was_packed;
CREATE TEMPORARY TABLE telemetry_was_packed (LIKE telemetry) ON COMMIT DROP
"""

UNITE = """
DELETE FROM telemetry t USING pg_temp.telemetry_was_packed p
WHERE t.miner_id = p.miner_id AND t.timestamp = p.timestamp AND t.timestamp >= %(start)s AND t.timestamp < %(end)s;
INSERT INTO telemetry SELECT * FROM pg_temp.telemetry_was_packed
"""

# From when the rows of the day cover time, before any is left out or shortened.
BEGINS = """
SELECT min(timestamp - covered_s * interval '1 second') FROM (
    SELECT timestamp, covered_s FROM telemetry
    WHERE miner_id = ANY(%(miner_ids)s) AND timestamp >= %(start)s AND timestamp < %(end)s
    UNION ALL SELECT timestamp, covered_s FROM pg_temp.telemetry_was_packed
) both_forms
"""

# With the nearest row either side of the day: the last before bounds its first, and its last bounds the first after.
SHORTEN = """
WITH lined_up AS (
    SELECT miner_id, timestamp, covered_s FROM telemetry
    WHERE miner_id = ANY(%(miner_ids)s) AND timestamp >= %(start)s AND timestamp < %(end)s
    UNION ALL
    SELECT there.* FROM unnest(%(miner_ids)s::int[]) AS m (id) CROSS JOIN LATERAL ((
        SELECT miner_id, timestamp, covered_s FROM telemetry
        WHERE miner_id = m.id AND timestamp >= %(well_before)s AND timestamp < %(start)s
        ORDER BY timestamp DESC LIMIT 1
    ) UNION ALL (
        SELECT miner_id, last_at, 0 FROM telemetry_packed
        WHERE miner_id = m.id AND last_at >= %(well_before)s AND last_at < %(start)s
        ORDER BY last_at DESC LIMIT 1
    ) UNION ALL (
        SELECT miner_id, timestamp, covered_s FROM telemetry
        WHERE miner_id = m.id AND timestamp >= %(end)s AND timestamp < %(well_after)s
        ORDER BY timestamp LIMIT 1
    )) there
)
UPDATE telemetry t SET covered_s = n.gap_s
FROM (
    SELECT miner_id, timestamp, covered_s,
           extract(epoch FROM timestamp - lag(timestamp) OVER (PARTITION BY miner_id ORDER BY timestamp))::int AS gap_s
    FROM lined_up
) n
WHERE n.gap_s < n.covered_s AND n.timestamp >= %(start)s AND t.miner_id = n.miner_id AND t.timestamp = n.timestamp
  AND t.timestamp >= %(start)s AND t.timestamp < %(well_after)s
RETURNING n.timestamp - n.covered_s * interval '1 second', n.timestamp
"""

# What is packed of the days after and covers time before the last row of this one.
REACHING_BACK = """
DELETE FROM telemetry_packed p
USING unnest(%(miner_ids)s::int[], %(last_at)s::timestamptz[]) AS given (miner_id, last_at)
WHERE p.miner_id = given.miner_id AND p.day > %(day)s AND p.day <= %(last_day)s AND p.begins_at < given.last_at
RETURNING p.miner_id, p.day, p.payload || p.payload_end, given.last_at
"""

LONGEST = timedelta(seconds=MAX_COVERED_S)
"""No interval reaches over more."""

DAYS_AT_ONCE = 300
"""So many packed rows are in memory at a time."""


class RowsChanged(RuntimeError):
    """Rows came or went while they were being packed, which the lock should have prevented."""


def hold_packing() -> None:
    """Have no day read, packed, unpacked or dropped by anybody else until the transaction ends."""
    lock(PACKING)


def share_packing() -> None:
    """Have no day packed or dropped until the transaction ends."""
    lock_shared(PACKING)


def hold_unpacking() -> None:
    """Have no packed day read or unpacked by anybody else until the transaction ends. Share packing before."""
    lock(UNPACKING)


def share_form() -> None:
    """Have no day change its form until the transaction ends."""
    lock_shared(PACKING, UNPACKING)


def midnight(day: date) -> datetime:
    """Return when the UTC day `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def pack(miner_ids: Sequence[int], day: date) -> int:
    """Make one packed row of each of these miners' plain rows of the UTC `day`, in one transaction. Returns the rows.

    Of a miner that has a packed row of that day already, it is made of both. What is packed of the days after begins
    no earlier than it ends.
    """
    start, end = midnight(day), midnight(day) + timedelta(days=1)
    with transaction.atomic(), connection.cursor() as cursor:
        hold_packing()
        cursor.execute(PACKED_ALREADY, [list(miner_ids), day])
        unpack([(miner_id, day) for (miner_id,) in cursor.fetchall()])
        found = list(read_days(_read(miner_ids, start, end)))
        shortened = _take_reaching_back(cursor, day, found)
        with cursor.copy(STORE) as copy:
            copy.set_types(STORED_TYPES)
            for row in [*((miner_id, day, rows) for miner_id, rows in found), *shortened]:
                copy.write_row(_packed_row(*row))
        cursor.execute(DELETE, [list(miner_ids), start, end])
        packed = sum(len(rows) for _, rows in found)
        if cursor.rowcount != packed:
            raise RowsChanged(f"{packed} rows of {day} packed, {cursor.rowcount} there")
    return packed


def _take_reaching_back(
    cursor: Any, day: date, found: Sequence[tuple[int, Day]]
) -> list[tuple[int, date, Day]]:
    """Take what is packed of the days after `day` and reaches over its last rows, `found`, and return it shortened.

    So it is where a clock that went back had readings taken for recent ones just before midnight.
    """
    params: dict[str, Any] = {"day": day, "last_day": day + LONGEST + timedelta(days=1)}
    params["miner_ids"] = [miner_id for miner_id, _ in found]
    params["last_at"] = [_at(day, rows.second[-1]) for _, rows in found]
    cursor.execute(REACHING_BACK, params)
    shortened = []
    for miner_id, later, data, last_at in cursor.fetchall():
        rows = decode(bytes(data))
        first = _at(later, rows.second[0])
        mark_miners_dirty([miner_id], first - timedelta(seconds=rows.covered_s[0]), first)
        gap_s = round((first - last_at).total_seconds())
        shortened.append((miner_id, later, replace(rows, covered_s=[gap_s, *rows.covered_s[1:]])))
    return shortened


def _read(miner_ids: Sequence[int], start: datetime, end: datetime) -> list[list[bytes]]:
    params: dict[str, Any] = {"midnight": start.timestamp(), "start": start, "end": end}
    params["miner_ids"] = number_array(Int4Array, miner_ids)
    with binding_cursor(binary=True) as cursor:
        cursor.execute(READ, params)
        result = cursor.pgresult
        return [[result.get_value(row, n) for n in range(result.nfields)] for row in range(result.ntuples)]


def unpack(days: Collection[tuple[int, date]]) -> int:
    """Make plain rows again of these miners' packed days, in the running transaction. Returns the rows.

    The caller holds `hold_unpacking` or `hold_packing`, and the partitions of these days are there.
    """
    rows = 0
    with connection.cursor() as cursor:
        for part in batched(days, DAYS_AT_ONCE):
            asked = [list(column) for column in zip(*part, strict=True)]
            cursor.execute(PLAIN_TOO, asked)
            both = set(cursor.fetchall())
            cursor.execute(TAKE, asked)
            taken = cursor.fetchall()
            rows += copy_days(cursor, "telemetry", [row for row in taken if row[:2] not in both])
            for day in sorted({day for _, day in both}):
                rows += _unite(cursor, day, [row for row in taken if row[:2] in both and row[1] == day])
    return rows


def _unite(cursor: Any, day: date, packed: Sequence[tuple[int, date, bytes]]) -> int:
    """Put what was packed of a UTC day among the plain rows that its miners have of it too. Returns the rows put.

    So it is where a clock that went back had readings taken for recent ones. What was packed was delivered first; where
    both were counted, figures are made anew, also of the days before and after as far as their rows reach.
    """
    start, end = midnight(day), midnight(day) + timedelta(days=1)
    params: dict[str, Any] = {"start": start, "end": end, "miner_ids": [miner_id for miner_id, *_ in packed]}
    params |= {"well_before": start - LONGEST, "well_after": end + LONGEST}
    cursor.execute(BESIDE)
    rows = copy_days(cursor, "telemetry_was_packed", packed)
    cursor.execute(BEGINS, params)
    begins = [start, *cursor.fetchone()]
    for statement in UNITE.split(";"):
        cursor.execute(statement, params)
    cursor.execute(SHORTEN, params)
    for row_begins, row_ends in cursor.fetchall():
        begins.append(row_begins)
        end = max(end, row_ends)
    mark_miners_dirty(params["miner_ids"], min(begins), end)
    return rows


def copy_days(cursor: Any, table: str, packed: Iterable[tuple[int, date, bytes]]) -> int:
    """Copy packed days (miner, day, payload) as plain rows into `table`. Returns the rows."""
    with cursor.copy(WRITE.format(table=table)) as copy:
        return write_days(copy, ((miner_id, day, decode(bytes(data))) for miner_id, day, data in packed))


def _packed_row(miner_id: int, day: date, rows: Day) -> tuple[Any, ...]:
    first, last = (_at(day, rows.second[n]) for n in (0, -1))
    begins = first - timedelta(seconds=rows.covered_s[0])
    data = encode(rows)
    chunks = len(data) // CHUNK * CHUNK
    return miner_id, day, len(rows), begins, first, last, data[:chunks], data[chunks:]


def _at(day: date, second: int) -> datetime:
    return midnight(day) + timedelta(seconds=second)
