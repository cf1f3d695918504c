"""Telemetry as a TimescaleDB hypertable: made, compressed once it is some days old, dropped by age.

What native partitions and packing do elsewhere, chunks and TimescaleDB's own compression do here; whoever reads or
writes telemetry sees no difference. On a table with native partitions every function here does nothing.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from django.db import DatabaseError, connection, transaction
from psycopg import sql

from hmm.lib.sqlstates import INSUFFICIENT_PRIVILEGE, sqlstate_of
from hmm.lib.timescale import is_hypertable

Kind = Literal["timescaledb", "native"]

DECOMPRESSED = "timescaledb.max_tuples_decompressed_per_dml_transaction"
"""How many rows late ones may have decompressed in a transaction: 100,000, unless it is set to 0, which is any."""

MAKE = """
SELECT create_hypertable(%s, 'timestamp', chunk_time_interval => INTERVAL '1 day',
                         create_default_indexes => FALSE)
"""

COMPRESSION = """
ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'miner_id',
                         timescaledb.compress_orderby = 'timestamp')
"""


def storage_kind() -> Kind:
    """Return how telemetry is stored here."""
    with connection.cursor() as cursor:
        return "timescaledb" if is_hypertable(cursor, "telemetry") else "native"


def make_hypertable(cursor: Any, table: str) -> None:
    """Make the plain and empty `table`, of telemetry's columns and key, a hypertable that can be compressed."""
    cursor.execute(MAKE, [table])
    cursor.execute(COMPRESSION.format(table=table))
    allow_late_rows(cursor)


def allow_late_rows(cursor: Any) -> None:
    """Let rows that come late be merged into compressed chunks, however many they touch.

    Set for the database, or where that is not ours to change for the connected user in it, and for this session.
    """
    cursor.execute("SELECT current_database()")
    database = sql.Identifier(cursor.fetchone()[0])
    limit = sql.SQL("SET {} = 0").format(sql.SQL(DECOMPRESSED))
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(sql.SQL("ALTER DATABASE {} {}").format(database, limit))
    except DatabaseError as error:
        if sqlstate_of(error) != INSUFFICIENT_PRIVILEGE:
            raise
        cursor.execute(sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} {}").format(database, limit))
    cursor.execute(limit)


COMPRESSED, UNORDERED, PARTIAL = 1, 2, 8
"""Bits of a chunk's status."""

TO_COMPRESS = f"""
SELECT format('%%I.%%I', c.schema_name, c.table_name)
FROM timescaledb_information.chunks i
JOIN _timescaledb_catalog.chunk c ON c.schema_name = i.chunk_schema AND c.table_name = i.chunk_name
WHERE i.hypertable_name = 'telemetry' AND i.hypertable_schema = current_schema() AND i.range_end <= %s
  AND (c.status & {COMPRESSED} = 0 OR c.status & {UNORDERED | PARTIAL} <> 0)
ORDER BY i.range_start
"""


CHUNK_DAYS = """
SELECT DISTINCT (range_start AT TIME ZONE 'UTC')::date AS day FROM timescaledb_information.chunks
WHERE hypertable_name = 'telemetry' AND hypertable_schema = current_schema()
  AND (range_start AT TIME ZONE 'UTC')::date < %s ORDER BY day
"""


def compress_old(now: datetime, detail_days: int) -> int:
    """Compress the chunks of UTC days that are over since `detail_days`; return how many.

    Those into which late rows came are compressed anew. Call it outside a transaction: each chunk commits by itself, and
    a crash leaves it as it was.
    """
    if storage_kind() != "timescaledb":
        return 0
    before = _midnight(now - timedelta(days=detail_days))
    return sum(1 for _ in compress_before(before))


def compress_before(before: datetime) -> Iterator[str]:
    """Compress the chunks that end at or before `before`; yield the name of each once it is done."""
    with connection.cursor() as cursor:
        cursor.execute(TO_COMPRESS, [before])
        for (chunk,) in cursor.fetchall():
            cursor.execute("SELECT compress_chunk(%s::regclass)", [chunk])
            yield chunk


def chunk_days(before: date) -> list[date]:
    """Return the UTC days before `before` of which there are chunks, oldest first; none with native partitions."""
    if storage_kind() != "timescaledb":
        return []
    with connection.cursor() as cursor:
        cursor.execute(CHUNK_DAYS, [before])
        return [day for (day,) in cursor.fetchall()]


def drop_chunks_before(before: datetime) -> int:
    """Drop the chunks that end at or before `before`; return how many. What is made of them must be stored."""
    if storage_kind() != "timescaledb":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM drop_chunks('telemetry', %s::timestamptz)", [before])
        return int(cursor.fetchone()[0])


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
