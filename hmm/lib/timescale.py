"""Whether the server has TimescaleDB, and which tables are hypertables."""

from typing import Any

from django.db import DatabaseError, transaction

from hmm.lib.sqlstates import INSUFFICIENT_PRIVILEGE, sqlstate_of

# Its files alone are not enough: the server must have loaded it at its start, which then knows its settings.
LOADED = """
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND current_setting('timescaledb.disable_load', TRUE) IS NOT NULL
"""

IS_HYPERTABLE = """
SELECT relkind = 'r' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
FROM pg_class WHERE oid = to_regclass(%s)
"""
"""What HMM divides is either a native partitioned table or a hypertable, and that is a plain one."""


def have_timescale(connection: Any) -> bool:
    """Return whether tables may be made hypertables, creating the extension where that is all it takes.

    False where the server has not loaded TimescaleDB, or the connected user may not create the extension.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
        if cursor.fetchone():
            return True
        cursor.execute(LOADED)
        return bool(cursor.fetchone()[0]) and _create(connection)


def _create(connection: Any) -> bool:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except DatabaseError as error:
        if sqlstate_of(error) != INSUFFICIENT_PRIVILEGE:
            raise
        return False
    return True


def is_hypertable(cursor: Any, table: str) -> bool:
    """Return whether `table`, one of those that HMM divides by time, is a hypertable here."""
    cursor.execute(IS_HYPERTABLE, [table])
    row = cursor.fetchone()
    return bool(row and row[0])
