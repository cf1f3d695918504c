"""A question to a database that may not answer: a connection of its own, which gives up within seconds.

The web's pool would keep it waiting for as long as it keeps a page waiting.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import load_backend

WAIT_S = 3


@contextmanager
def impatient_cursor(alias: str = DEFAULT_DB_ALIAS) -> Iterator[CursorWrapper]:
    """Give a cursor in a transaction that is undone at the end, each statement of which has WAIT_S seconds.

    Raises DatabaseError or InterfaceError.
    """
    connection = _connection(alias)
    try:
        with connection.cursor() as cursor:
            # Not as an option of the connection: poolers take none. Nor for longer than the transaction.
            cursor.execute("BEGIN")
            cursor.execute(f"SET LOCAL statement_timeout = '{WAIT_S}s'")
            yield cursor
            cursor.execute("ROLLBACK")
    finally:
        connection.close()


def _connection(alias: str) -> BaseDatabaseWrapper:
    settings = copy.deepcopy(connections[alias].settings_dict)
    options: dict[str, Any] = settings["OPTIONS"]
    options.pop("pool", None)
    options["connect_timeout"] = WAIT_S
    wrapper: BaseDatabaseWrapper = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "impatient")
    return wrapper
