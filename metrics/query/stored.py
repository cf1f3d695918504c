"""Reads rows of the store as metrics, with the very projection of the view `metrics`, from the table itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hmm.installation import installation
from hmm.replica.route import connection
from metrics.query.rows import MetricRow, Position, TypePosition
from metrics.types import metric_types

# Literals of the registry and of checked words are part of the text, so that the planner sees one partition; a
# condition that is not wanted is left out, so that it sees which index serves.
SELECT = """
SELECT r.entity_type, r.entity_id, r.timestamp, {value}, r.computed_at
FROM metrics_rollup r
WHERE r.period = '{period}' AND r.timestamp >= %(start)s AND r.timestamp < %(end)s AND {whom}{behind}
ORDER BY r.timestamp, r.entity_type, r.entity_id LIMIT %(limit)s
"""

# Made in the database as `value_json` is, so that a number is the same however it is read.
ONE_KEY = """
SELECT jsonb_agg(jsonb_build_array(date_part('epoch', r.timestamp)::bigint, {value}) ORDER BY r.timestamp)
FROM metrics_rollup r
WHERE r.period = '{period}' AND r.timestamp >= %(start)s AND r.timestamp < %(end)s AND {whom}
"""

OF_MINER = """
SELECT told.metric_type, r.timestamp, told.value_json, r.computed_at
FROM metrics_rollup r CROSS JOIN LATERAL (VALUES {values}) told (metric_type, value_json)
WHERE r.period = '{period}' AND r.entity_type = 'miner' AND r.entity_id = %(miner_id)s
  AND r.timestamp >= %(start)s AND r.timestamp < %(end)s{behind}
ORDER BY r.timestamp, told.metric_type LIMIT %(limit)s
"""

BEHIND = """
AND r.timestamp >= %(after_at)s
AND (r.timestamp, r.entity_type, coalesce(r.entity_id, 0)) > (%(after_at)s, %(after_type)s, %(after_id)s)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: of a metric type and period that begin in [start, end), of whom, from behind which row on."""

    metric_type: str
    period: str
    start: datetime
    end: datetime
    entity_type: str | None = None
    entity_id: int | None = None
    after: Position | None = None

    def entity_types(self) -> list[str]:
        """Return the entity types asked for, in order."""
        return [self.entity_type] if self.entity_type else sorted(metric_types[self.metric_type].entities)


def stored_rows(wanted: Wanted, limit: int | None) -> list[MetricRow]:
    """Return at most `limit` rows of the store, ordered by (timestamp, entity_type, entity_id). One query."""
    with connection.cursor() as cursor:
        cursor.execute(stored_sql(wanted), _params(wanted) | {"limit": limit})
        return [_row(wanted, *row) for row in cursor.fetchall()]


def stored_values(wanted: Wanted, key: str) -> list[tuple[datetime, Any]]:
    """Return the start of each stored period of the one entity that is wanted, and one key of its figures. One query."""
    entity_type = wanted.entity_types()[0]
    value = metric_types[wanted.metric_type].formulas(entity_type, installation().currency)[key]
    sql = ONE_KEY.format(value=value, period=wanted.period, whom=_whom(wanted))
    with connection.cursor() as cursor:
        cursor.execute(sql, _params(wanted))
        found = json.loads(cursor.fetchone()[0] or "[]")
    return [(datetime.fromtimestamp(start_s, UTC), told) for start_s, told in found]


def stored_of_miner(
    miner_id: int,
    types: Sequence[str],
    period: str,
    start: datetime,
    end: datetime,
    limit: int | None,
    after: TypePosition | None,
) -> list[MetricRow]:
    """Return at most `limit` rows of one miner, of these types, from behind `after` on. One query."""
    if not types:
        return []
    currency = installation().currency
    values = ", ".join(f"('{name}', {metric_types[name].value_json(currency)})" for name in types)
    behind = " AND (r.timestamp, told.metric_type) > (%(after_at)s, %(after_type)s)" if after else ""
    after_at, after_type = after or (None, None)
    asked: dict[str, Any] = {"miner_id": miner_id, "start": start, "end": end, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(
            OF_MINER.format(values=values, period=period, behind=behind),
            asked | {"after_at": after_at, "after_type": after_type},
        )
        return [
            MetricRow(name, "miner", miner_id, period, at, json.loads(told), computed_at, "store")
            for name, at, told, computed_at in cursor.fetchall()
        ]


def stored_sql(wanted: Wanted) -> str:
    """Return the query, with its parameters by name."""
    return SELECT.format(
        value=metric_types[wanted.metric_type].value_json(installation().currency),
        period=wanted.period,
        whom=_whom(wanted),
        behind=BEHIND if wanted.after else "",
    )


def _whom(wanted: Wanted) -> str:
    names = ", ".join(f"'{name}'" for name in wanted.entity_types())
    one = " AND r.entity_id = %(entity_id)s" if wanted.entity_id is not None else ""
    return f"r.entity_type IN ({names}){one}"


def _params(wanted: Wanted) -> dict[str, Any]:
    at, entity_type, entity_id = wanted.after or (None, None, None)
    return {
        "start": wanted.start,
        "end": wanted.end,
        "entity_id": wanted.entity_id,
        "after_at": at,
        "after_type": entity_type,
        "after_id": entity_id or 0,
    }


def _row(
    wanted: Wanted,
    entity_type: str,
    entity_id: int | None,
    timestamp: datetime,
    value: str,
    computed_at: datetime,
) -> MetricRow:
    return MetricRow(
        wanted.metric_type,
        entity_type,
        entity_id,
        wanted.period,
        timestamp,
        json.loads(value),
        computed_at,
        "store",
    )
