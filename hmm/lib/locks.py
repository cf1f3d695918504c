"""Advisory locks held until the end of the transaction, so that they work behind a transaction pooler."""

import hashlib

from django.db import connection


def try_lock(key: str) -> bool:
    """Take the lock `key` for this transaction if it is free; say whether it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(key)])
        return bool(cursor.fetchone()[0])


def lock(key: str) -> None:
    """Take the lock `key` for this transaction, waiting until it is free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(key)])


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
