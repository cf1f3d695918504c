"""Flushing the database after a test that commits: the rows that a fresh one has are put back as they were."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection, transaction
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django_q.models import Schedule
from pytest_django import DjangoDbBlocker

NOT_DUE = f"""
UPDATE {Schedule._meta.db_table} SET next_run = now() + interval '1 day'
"""
"""The jobs of a fresh database are due later, however long ago its rows were made or copied."""

Rows = dict[str, bytes]
"""Per table, its rows in the format of COPY."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Have a flush copy back what it would else have each app make anew, with every permission and every function.

    A test that changes more of the database than rows restores that itself.
    """
    if not connection.settings_dict["NAME"].startswith(TEST_DATABASE_PREFIX):
        yield  # no test of this run asks for a database, so that none was made: this is somebody's own
        return
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(NOT_DUE)
        rows = rows_of_tables()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: put_back(rows))
        yield


def rows_of_tables() -> Rows:
    """Return the rows of the tables that a flush empties, of those that have some."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        found = {table: _copied(cursor, table) for table in tables}
    return {table: rows for table, rows in found.items() if rows}


def put_back(rows: Rows) -> None:
    """Give the tables, which are empty, their rows."""
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
    ):  # whose keys to each other are checked at its end
        for table, lines in rows.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(lines)


def _copied(cursor: Any, table: str) -> bytes:
    with cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
        return b"".join(copy)
