"""Stores samples, through a connection of its own that gives up within seconds.

Neither the pool nor the connections of the service are touched, so that a database that is away, slow or without
the table costs the service nothing. The limits are set in the transaction: a transaction pooler keeps no others.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connections
from django.db.utils import load_backend

from hmm.lib.locks import lock_number
from hmm.lib.sqlstates import CHECK_VIOLATION, sqlstate_of
from hmm.system_metrics.base import Sample
from hmm.system_metrics.partitions import await_makers, ensure_hours, hours_between
from hmm.system_metrics.probes import look, look_elsewhere

_INSTANT = timedelta(microseconds=1)
CONNECT_S = 3
STATEMENT_S = 5
PROBED = ("worker", "database")

INSERT = """
INSERT INTO system_metrics (time, metric_name, service, tags, value)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::float8[])
"""


@contextmanager
def own_transaction() -> Iterator[Any]:
    """Yield a cursor in a transaction on a new connection with short time limits. Raises what Django raises."""
    wrapper = _wrapper()
    try:
        with wrapper.cursor() as cursor, wrapper.wrap_database_errors, wrapper.connection.transaction():
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_S}s'")
            cursor.execute(f"SET LOCAL lock_timeout = '{STATEMENT_S}s'")
            yield cursor
    finally:
        wrapper.close()


def _wrapper() -> Any:
    settings = copy.deepcopy(connections["default"].settings_dict)
    options: dict[str, Any] = settings["OPTIONS"]
    options.pop("pool", None)
    # A network that has gone silent is noticed within half a minute rather than hours.
    options |= {"connect_timeout": CONNECT_S, "keepalives_idle": 10, "keepalives_interval": 5}
    options |= {"keepalives_count": 3, "tcp_user_timeout": 20_000}
    return load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "system_metrics")


def write(samples: Sequence[Sample], at: datetime, tags: dict[str, str | int]) -> int:
    """Store `samples` as of `at`, with `tags` beside their own; return how many. Raises what Django raises."""
    return _do(lambda cursor: insert(cursor, samples, at, tags))


def write_probes(since: datetime, until: datetime) -> int:
    """Look at worker and database, and store it as of `until`, unless another process has; return how many rows."""
    elsewhere = look_elsewhere()

    def look_and_insert(cursor: Any) -> int:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_number("system_metrics probes")])
        if not cursor.fetchone()[0] or _probed(cursor, until):
            return 0
        return insert(cursor, [*elsewhere, *look(cursor, since, until)], until, {})

    return _do(look_and_insert)


def _do(work: Callable[[Any], int]) -> int:
    """Do `work` in a transaction of its own; once more, on another connection, where its hour was not to be seen.

    A connection that first looks at the table in the very moment in which another attaches an hour may take it that
    there is no such hour, and does to its end. So the second time nobody attaches any meanwhile.
    """
    try:
        with own_transaction() as cursor:
            return work(cursor)
    except IntegrityError as error:
        if sqlstate_of(error) != CHECK_VIOLATION:
            raise
    with own_transaction() as cursor:
        await_makers(cursor)
        return work(cursor)


def _probed(cursor: Any, at: datetime) -> bool:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM system_metrics WHERE service = ANY(%s) AND time = %s)", [list(PROBED), at]
    )
    return bool(cursor.fetchone()[0])


def insert(cursor: Any, samples: Iterable[Sample], at: datetime, tags: dict[str, str | int]) -> int:
    """Insert `samples` as of `at`, making the partition of that hour where it is missing."""
    rows = [(s.statistic.name, s.statistic.service, json.dumps({**tags, **s.tags}), s.value) for s in samples]
    if not rows:
        return 0
    ensure_hours(cursor, hours_between(at, at + _INSTANT))
    cursor.execute(INSERT, [at, *map(list, zip(*rows, strict=True))])
    return len(rows)
