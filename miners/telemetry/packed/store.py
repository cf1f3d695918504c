"""Moves miners' days between plain rows and packed ones, each in one transaction: either form, never both or none."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from hmm.lib.batches import batched
from hmm.lib.binary_arrays import Int4Array, binding_cursor, number_array
from hmm.lib.locks import lock, lock_shared
from miners.telemetry.packed.payload import Day, decode, encode
from miners.telemetry.packed.wire import READ, WRITE, read_days, write_days

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
    """Make one packed row of each of these miners' plain rows of the UTC `day`, in one transaction. Returns the rows."""
    start, end = midnight(day), midnight(day) + timedelta(days=1)
    with transaction.atomic(), connection.cursor() as cursor:
        hold_packing()
        found = list(read_days(_read(miner_ids, start, end)))
        with cursor.copy(STORE) as copy:
            copy.set_types(STORED_TYPES)
            for miner_id, rows in found:
                copy.write_row(_packed_row(miner_id, day, rows))
        cursor.execute(DELETE, [list(miner_ids), start, end])
        packed = sum(len(rows) for _, rows in found)
        if cursor.rowcount != packed:
            raise RowsChanged(f"{packed} rows of {day} packed, {cursor.rowcount} there")
    return packed


def _read(miner_ids: Sequence[int], start: datetime, end: datetime) -> list[list[bytes]]:
    params: dict[str, Any] = {"midnight": start.timestamp(), "start": start, "end": end}
    params["miner_ids"] = number_array(Int4Array, miner_ids)
    with binding_cursor(binary=True) as cursor:
        cursor.execute(READ, params)
        result = cursor.pgresult
        return [[result.get_value(row, n) for n in range(result.nfields)] for row in range(result.ntuples)]


def unpack(days: Collection[tuple[int, date]]) -> int:
    """Make plain rows again of these miners' packed days, in the running transaction. Returns the rows.

    The caller holds `hold_unpacking`, and the partitions of these days are there.
    """
    rows = 0
    with connection.cursor() as cursor:
        for part in batched(days, DAYS_AT_ONCE):
            cursor.execute(TAKE, [list(column) for column in zip(*part, strict=True)])
            rows += copy_days(cursor, "telemetry", cursor.fetchall())
    return rows


def copy_days(cursor: Any, table: str, packed: Iterable[tuple[int, date, bytes]]) -> int:
    """Copy packed days (miner, day, payload) as plain rows into `table`. Returns the rows."""
    with cursor.copy(WRITE.format(table=table)) as copy:
        return write_days(copy, ((miner_id, day, decode(bytes(data))) for miner_id, day, data in packed))


def _packed_row(miner_id: int, day: date, rows: Day) -> tuple[Any, ...]:
    first, last = (midnight(day) + timedelta(seconds=rows.second[n]) for n in (0, -1))
    begins = first - timedelta(seconds=rows.covered_s[0])
    data = encode(rows)
    chunks = len(data) // CHUNK * CHUNK
    return miner_id, day, len(rows), begins, first, last, data[:chunks], data[chunks:]
