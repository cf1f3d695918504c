"""Telemetry at regular marks: which marks of it are there, and do its rows keep their limits?"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from miners.telemetry.packed.reading import relation, unpacked
from miners.telemetry.rules import MAX_COVERED_S

RECENT_S = 7 * 86400
RECENT_ROWS = 200


@dataclass(frozen=True, slots=True)
class Marks:
    """The seconds since 1970 from `first` to `last` that are multiples of `cadence_s`, as both ends are."""

    first: int
    last: int
    cadence_s: int

    def __len__(self) -> int:
        return (self.last - self.first) // self.cadence_s + 1

    def seconds(self) -> range:
        """Return the marks, oldest first."""
        return range(self.first, self.last + 1, self.cadence_s)


class Limits(NamedTuple):
    """Within what the rows of a miner lie, both ends included. Without a temperature they have no fan either."""

    miner_id: int
    hashrate_low_ghs: float
    hashrate_high_ghs: float
    power_low_w: float
    power_high_w: float
    temperature_low_c: float | None
    temperature_high_c: float | None


class Found(NamedTuple):
    """How many rows of a miner stand at a mark, for the cadence before it, and how many stand in their way."""

    at_marks: int
    elsewhere: int


# A row after the last mark counts when it begins before that: a generated one would shorten it.
FOUND = f"""
SELECT miner_id, count(*) FILTER (WHERE is_regular), count(*) FILTER (WHERE NOT is_regular)
FROM (
    SELECT miner_id, timestamp <= to_timestamp(%(last)s) AND covered_s = %(cadence_s)s
               AND extract(epoch FROM timestamp)::bigint %% %(cadence_s)s = 0 AS is_regular
    FROM {{telemetry}} t WHERE miner_id = ANY(%(miner_ids)s)
      AND timestamp > to_timestamp(%(first)s - %(cadence_s)s)
      AND timestamp < to_timestamp(%(last)s + {MAX_COVERED_S})
      AND timestamp - make_interval(secs => covered_s) < to_timestamp(%(last)s)
) rows GROUP BY miner_id
"""

STORED = """
SELECT miner_id, array_agg(extract(epoch FROM timestamp)::bigint) FROM {telemetry} t
WHERE miner_id = ANY(%s) AND timestamp BETWEEN to_timestamp(%s) AND to_timestamp(%s) GROUP BY miner_id
"""

# Counted is what is not known to be within: a value that is missing is not.
OUTSIDE = """
SELECT t.miner_id, count(*)
FROM unnest(%(miner_ids)s::int[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(hashrate_lows)s::float8[],
            %(hashrate_highs)s::float8[], %(power_lows)s::float8[], %(power_highs)s::float8[],
            %(temperature_lows)s::float8[], %(temperature_highs)s::float8[])
    AS m (id, first, last, hashrate_low, hashrate_high, power_low, power_high, temperature_low, temperature_high)
JOIN {telemetry} t ON t.miner_id = m.id
WHERE t.timestamp BETWEEN to_timestamp(%(first)s) AND to_timestamp(%(last)s)
  AND t.timestamp BETWEEN to_timestamp(m.first) AND to_timestamp(m.last)
  AND (t.hashrate_ghs BETWEEN m.hashrate_low AND m.hashrate_high
       AND t.power_w BETWEEN m.power_low AND m.power_high
       AND CASE WHEN m.temperature_low IS NULL THEN t.temperature_c IS NULL AND t.fan_rpm IS NULL
                ELSE t.temperature_c BETWEEN m.temperature_low AND m.temperature_high AND t.fan_rpm > 0 END
       AND t.accepted >= 0 AND t.rejected >= 0
      ) IS NOT TRUE
GROUP BY t.miner_id
"""

OUTSIDE_COLUMNS = (
    "miner_ids",
    "hashrate_lows",
    "hashrate_highs",
    "power_lows",
    "power_highs",
    "temperature_lows",
    "temperature_highs",
)
"""The parameters of OUTSIDE that hold a field of Limits each."""

# The LIMIT keeps it a look-up in the index for each miner.
RECENT = f"""
SELECT m.id, avg(r.hashrate_ghs), avg(r.power_w)
FROM unnest(%s::int[], %s::float8[]) AS m (id, more_than_ghs) CROSS JOIN LATERAL (
    SELECT t.hashrate_ghs, t.power_w FROM {{telemetry}} t
    WHERE t.miner_id = m.id AND t.hashrate_ghs > m.more_than_ghs
      AND t.timestamp > to_timestamp(%s - {RECENT_S}) AND t.timestamp <= to_timestamp(%s)
    ORDER BY t.timestamp DESC LIMIT {RECENT_ROWS}
) r GROUP BY m.id
"""


def find_regular(miner_ids: Sequence[int], marks: Marks) -> dict[int, Found]:
    """Return what rows there are between one cadence before the first of `marks` and the last, by miner that has any."""
    params: dict[str, Any] = {"miner_ids": list(miner_ids), **asdict(marks)}
    with _seeing(miner_ids, marks.first - marks.cadence_s, marks.last), connection.cursor() as cursor:
        cursor.execute(FOUND.format(telemetry=relation()), params)
        return {miner_id: Found(*counts) for miner_id, *counts in cursor.fetchall()}


def stored_seconds(miner_ids: Sequence[int], marks: Marks) -> dict[int, set[int]]:
    """Return at which seconds there are rows from the first of `marks` to the last, by miner that has any."""
    with _seeing(miner_ids, marks.first - 1, marks.last), connection.cursor() as cursor:
        cursor.execute(STORED.format(telemetry=relation()), [list(miner_ids), marks.first, marks.last])
        return {miner_id: set(seconds) for miner_id, seconds in cursor.fetchall()}


def count_outside(expected: Sequence[tuple[Limits, int, int]]) -> dict[int, int]:
    """Return how many rows do not keep their limits, by miner that has such.

    Each of `expected` is the limits of a miner and the first and last second from 1970 between which they hold.
    """
    if not expected:
        return {}
    limits, firsts, lasts = zip(*expected, strict=True)
    columns = dict(zip(OUTSIDE_COLUMNS, map(list, zip(*limits, strict=True)), strict=True))
    params = columns | {
        "firsts": list(firsts),
        "lasts": list(lasts),
        "first": min(firsts),
        "last": max(lasts),
    }
    seeing = _seeing(columns["miner_ids"], min(firsts) - 1, max(lasts))
    with seeing, connection.cursor() as cursor:
        cursor.execute(OUTSIDE.format(telemetry=relation()), params)
        return dict(cursor.fetchall())


def recent_averages(
    more_than_ghs: dict[int, float], until: int
) -> dict[int, tuple[float | None, float | None]]:
    """Return average hashrate in GH/s and power in W of a miner's newest rows of the week before `until`.

    `until` counts seconds since 1970. Rows count that hash faster than `more_than_ghs` says for their miner.
    """
    params: list[Any] = [list(more_than_ghs), list(more_than_ghs.values()), until, until]
    seeing = _seeing(list(more_than_ghs), until - RECENT_S, until)
    with seeing, connection.cursor() as cursor:
        cursor.execute(RECENT.format(telemetry=relation()), params)
        return {miner_id: (hashrate_ghs, power_w) for miner_id, hashrate_ghs, power_w in cursor.fetchall()}


def _seeing(miner_ids: Sequence[int], after: int, until: int) -> AbstractContextManager[None]:
    """Have rows with after < timestamp ≤ until be seen whatever form they have; seconds since 1970."""
    return unpacked([(datetime.fromtimestamp(after, UTC), datetime.fromtimestamp(until, UTC))], miner_ids)
