"""Questions to system metrics: the latest of each, the last five minutes, and one over time."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from hmm.system_metrics.base import Statistic, instruments
from hmm.system_metrics.probes import probes

# What the view system_metrics_latest says, for names that are known: the view has to find them first.
LATEST = """
SELECT each.time, wanted.metric_name, wanted.service, each.tags, each.value
FROM unnest(%s::text[], %s::text[]) AS wanted (metric_name, service)
CROSS JOIN LATERAL (
    SELECT m.time FROM system_metrics m
    WHERE m.metric_name = wanted.metric_name AND m.service = wanted.service ORDER BY m.time DESC LIMIT 1
) newest
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.tags) m.time, m.tags, m.value FROM system_metrics m
    WHERE m.metric_name = wanted.metric_name AND m.service = wanted.service
      AND m.time > newest.time - INTERVAL '45 seconds' AND m.time <= newest.time
    ORDER BY m.tags, m.time DESC
) each
"""

RECENT = """
SELECT service, metric_name, samples, average, minimum, maximum, latest_time FROM system_metrics_recent
"""

SERIES = """
SELECT time, sum(value), max(value) FROM system_metrics
WHERE metric_name = %s AND service = %s AND time >= %s AND time < %s
GROUP BY time ORDER BY time
"""


@dataclass(frozen=True)
class Latest:
    """The newest value of a statistic, of all processes and tags together, and what each of these said."""

    statistic: Statistic
    at: datetime
    value: float
    parts: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Recent:
    """A statistic's last five minutes."""

    service: str | None
    metric_name: str
    samples: int
    average: float
    minimum: float
    maximum: float
    latest_time: datetime


def statistics() -> list[Statistic]:
    """Return every statistic there is, by service and name."""
    found = [statistic for each in instruments for statistic in each.statistics]
    found += [each.statistic for each in probes]
    return sorted(found, key=lambda statistic: (statistic.service, statistic.name))


def latest() -> list[Latest]:
    """Return the newest of each declared statistic that has ever been written, by service and name."""
    rows: dict[tuple[str, str | None], list[Any]] = defaultdict(list)
    declared = statistics()
    asked = [[each.name for each in declared], [each.service for each in declared]]
    for at, name, service, tags, value in _rows(LATEST, asked):
        rows[name, service].append((at, json.loads(tags), value))
    known = [(statistic, rows.get((statistic.name, statistic.service), [])) for statistic in declared]
    return [_combined(statistic, found) for statistic, found in known if found]


def _combined(statistic: Statistic, rows: Iterable[tuple[datetime, dict[str, Any], float]]) -> Latest:
    found = sorted(rows, key=lambda row: str(row[1]))
    values = [value for _, _, value in found]
    value = sum(values) if statistic.combine == "sum" else max(values)
    parts = tuple((_label(tags), value) for _, tags, value in found if tags)
    return Latest(statistic, max(at for at, _, _ in found), value, parts)


def _label(tags: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(tags.items()))


def recent() -> list[Recent]:
    """Return the last five minutes of everything that was written, by service and name."""
    return [Recent(*row) for row in _rows(RECENT)]


def series(statistic: Statistic, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
    """Return the values of `statistic` in [start, end), those of one moment combined, oldest first."""
    rows = _rows(SERIES, [statistic.name, statistic.service, start, end])
    return [(at, total if statistic.combine == "sum" else most) for at, total, most in rows]


def _rows(query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


STALE_AFTER = timedelta(seconds=90)


def is_stale(found: Latest, now: datetime) -> bool:
    """Return whether nobody writes this any more, though its service would each 30 seconds."""
    return now - found.at > STALE_AFTER
