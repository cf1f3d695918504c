"""When tables become hypertables: the server has loaded TimescaleDB, and the user may create the extension."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from hmm.lib.timescale import have_timescale, is_hypertable

DATABASE, LIMITED = "hmm_trial_extension", "hmm_trial_limited"


@contextmanager
def database_without_extension() -> Iterator[None]:
    """Have a second database on the same server, reached as connections["trial"]."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    settings = {**connections["default"].settings_dict, "NAME": DATABASE}
    connections["trial"] = type(connections["default"])(settings, "trial")
    try:
        yield
    finally:
        connections["trial"].close()
        del connections["trial"]
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE}")


def extensions() -> set[str]:
    with connections["trial"].cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_a_server_that_has_not_loaded_it_does_not_have_it() -> None:
    with database_without_extension():
        assert not have_timescale(connections["trial"])
        assert "timescaledb" not in extensions()


@pytest.mark.timescale
@pytest.mark.django_db(transaction=True)
def test_the_extension_is_created_where_it_is_loaded() -> None:
    with database_without_extension():
        assert have_timescale(connections["trial"])
        assert have_timescale(connections["trial"])
        assert "timescaledb" in extensions()


@pytest.mark.timescale
@pytest.mark.django_db(transaction=True)
def test_a_user_who_may_not_create_it_goes_without() -> None:
    with database_without_extension(), connections["trial"].cursor() as cursor:
        cursor.execute(f"CREATE ROLE {LIMITED}")
        try:
            cursor.execute(f"SET ROLE {LIMITED}")
            assert not have_timescale(connections["trial"])
            cursor.execute("SELECT 1")  # the session is as before
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP ROLE {LIMITED}")


@pytest.mark.django_db
def test_a_plain_table_or_none_is_no_hypertable_where_there_is_no_extension() -> None:
    with connection.cursor() as cursor:
        assert not is_hypertable(cursor, "nowhere")
        assert is_hypertable(cursor, "telemetry") == is_hypertable(cursor, "system_metrics")
