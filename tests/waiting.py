"""Waits for what other processes and threads do, with a patience that a slow machine does not exhaust."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")


def wait_for(found: Callable[[], T], what: str, patience_s: float = 60) -> T:
    """Return the first true result of `found`; fail, naming `what`, when there is none for `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not (result := found()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s for {what}"
        time.sleep(0.05)
    return result


def second_of_two(first: Callable[[], object], second: Callable[[], T]) -> T:
    """Return what `second` returns, or raise what it raises, begun before what `first` has done is committed.

    As on two clicks: neither sees what the other has not committed. For tests with transactions of their own.
    """
    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            first()
            done = pool.submit(_on_a_connection_of_its_own, second)
            wait_for(lambda: done.done() or _waits_for_a_lock("the second"), "the second to wait or to end")
        return done.result()


def _on_a_connection_of_its_own(work: Callable[[], T]) -> T:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'the second'")
        return work()
    finally:
        connection.close()


def _waits_for_a_lock(application: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock')",
            [application],
        )
        return bool(cursor.fetchone()[0])
