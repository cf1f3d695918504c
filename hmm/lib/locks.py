"""Locks by name, held until the end of the transaction: they work behind a transaction pooler too."""

import hashlib

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from hmm.lib.sqlstates import LOCK_NOT_AVAILABLE, sqlstate_of


class LockTaken(Exception):
    """Somebody else still held the lock when the time to wait was over."""


def lock_number(name: str) -> int:
    """Return the number, a signed 64-bit one, that stands for `name` as an advisory lock."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def try_lock(name: str, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Take the lock `name` for the rest of this transaction; return whether it was free.

    Raises TransactionManagementError outside a transaction, where it would be given back at once.
    """
    with _in_transaction(using).cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_number(name)])
        return bool(cursor.fetchone()[0])


def lock(name: str, wait_s: float | None = None, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take the lock `name` for the rest of this transaction, waiting at most `wait_s`, or as long as it takes.

    Raises LockTaken when the time is over; the transaction can go on.
    Raises TransactionManagementError outside a transaction.
    """
    connection = _in_transaction(using)
    if wait_s is None:
        _wait(connection, name)
        return
    try:
        with transaction.atomic(using=using):
            _wait_at_most(connection, name, wait_s)
    except OperationalError as error:
        if sqlstate_of(error) != LOCK_NOT_AVAILABLE:
            raise
        raise LockTaken(f"{name} is locked by somebody else") from error


def lock_shared(*names: str, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take a share of each of these locks for the rest of this transaction: others may have one too, nobody the lock.

    Raises TransactionManagementError outside a transaction.
    """
    share = ", ".join(["pg_advisory_xact_lock_shared(%s)"] * len(names))
    with _in_transaction(using).cursor() as cursor:
        cursor.execute(f"SELECT {share}", [lock_number(name) for name in names])


def _in_transaction(using: str) -> BaseDatabaseWrapper:
    connection = connections[using]
    if not connection.in_atomic_block:
        raise TransactionManagementError("a lock lasts as long as its transaction, and there is none")
    return connection


def _wait(connection: BaseDatabaseWrapper, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(name)])


def _wait_at_most(connection: BaseDatabaseWrapper, name: str, wait_s: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        before = cursor.fetchone()[0]
        # 0 would mean for ever.
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{max(1, round(wait_s * 1000))}ms"])
        _wait(connection, name)
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
