"""Work that locks out everybody for a moment, done without keeping anybody waiting for longer than that."""

import time
from collections.abc import Callable

from django.db import DatabaseError, connection, transaction

from hmm.lib.sqlstates import LOCK_NOT_AVAILABLE, QUERY_CANCELED, sqlstate_of

PATIENCE = "50ms"
LONGEST_WORK = "500ms"
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""How long the others are let pass after each time that the lock was not to be had."""


def alone_with(table: str, work: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> bool:
    """Do `work` in a transaction that nobody else reads or writes `table` in, not locking its partitions.

    Returns what `work` does, or False where the lock was never to be had: whoever waits for a lock has everybody
    after it wait, so that each try gives up after PATIENCE. Other errors pass through.
    """
    for pause_s in (*PAUSES_S, None):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    f"SET LOCAL lock_timeout = '{PATIENCE}'; SET LOCAL statement_timeout = '{LONGEST_WORK}'"
                )
                cursor.execute(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
                return work()
        except DatabaseError as error:
            if sqlstate_of(error) not in (LOCK_NOT_AVAILABLE, QUERY_CANCELED):
                raise
        if pause_s is not None:
            sleep(pause_s)
    return False
