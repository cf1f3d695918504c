"""Stores samples, through a connection of its own that gives up within seconds.

Neither the pool nor the connections of the service are touched, so that a database that is away, slow or without
the table costs the service nothing. The limits are set in the transaction: a transaction pooler keeps no others.
"""

import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.utils import load_backend

from hmm.lib.locks import lock_number
from hmm.system_metrics.base import Sample
from hmm.system_metrics.partitions import ensure_hours, hours_between
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


def write(samples: Iterable[Sample], at: datetime, tags: dict[str, str | int]) -> int:
    """Store `samples` as of `at`, with `tags` beside their own; return how many. Raises what Django raises."""
    with own_transaction() as cursor:
        return insert(cursor, samples, at, tags)


def write_probes(since: datetime, until: datetime) -> int:
    """Look at worker and database, and store it as of `until`, unless another process has; return how many rows."""
    elsewhere = look_elsewhere()
    with own_transaction() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_number("system_metrics probes")])
        if not cursor.fetchone()[0] or _probed(cursor, until):
            return 0
        return insert(cursor, [*elsewhere, *look(cursor, since, until)], until, {})


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
