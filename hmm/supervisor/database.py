"""The database for the time that HMM runs: the embedded one, started and stopped here, or the user's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hmm.lib.commands import fail
from hmm.postgres.base import DatabaseWrapper as Embedded

OLDEST = 15


@contextmanager
def running_database() -> Iterator[None]:
    """Have the database there. Fails with one line; the embedded server is stopped at the end."""
    connection = connections["default"]
    if not isinstance(connection, Embedded):
        _require_reachable(connection)
        yield
        return
    try:
        connection.server.ensure_running()
        yield
    finally:
        connections.close_all()
        connection.server.stop()


def _require_reachable(connection: BaseDatabaseWrapper) -> None:
    settings = connection.settings_dict
    where = f"{settings['NAME']} on {settings['HOST'] or 'the local socket'}:{settings['PORT'] or 5432}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
            major = cursor.fetchone()[0]
    except (DatabaseError, InterfaceError) as error:
        fail(f"cannot reach the database of DATABASE_URL ({where}): {_why(error)}")
    if major < OLDEST:
        fail(f"the database of DATABASE_URL ({where}) is PostgreSQL {major}; HMM needs {OLDEST} or newer")


def _why(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Is the server running")]
    return " ".join(telling) or type(error).__name__
