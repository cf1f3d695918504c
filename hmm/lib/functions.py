"""Functions in the database whose names carry a digest of the code that they were made from."""

from typing import Any

OF_PREFIX = """
SELECT format('DROP FUNCTION %%s', oid::regprocedure) FROM pg_proc
WHERE starts_with(proname, %s) AND pronamespace = current_schema()::regnamespace
"""


def drop_functions(cursor: Any, prefix: str) -> None:
    """Drop every function whose name begins with `prefix`, those of other versions of the code too."""
    cursor.execute(OF_PREFIX, [prefix])
    for (drop,) in cursor.fetchall():
        cursor.execute(drop)
