"""Reads telemetry for the rest of the floor and for the one above it. No other module queries its table.

The rows of a stretch of time are read inside of `unpacked`, since they may be packed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from miners.models import LatestReading, Telemetry
from miners.telemetry.packed.reading import relation, unpacked
from miners.telemetry.rules import MAX_COVERED_S

KINDS = {
    "power_w": "float8",
    "hashrate_ghs": "float8",
    "temperature_c": "float8",
    "fan_rpm": "int",
    "accepted": "int",
    "rejected": "int",
}
"""What a row told, and its type in SQL; each may be null."""

VALUES = ", ".join(KINDS)

ROW = f"""
t.miner_id, (date_part('epoch', t.timestamp) - {{start_s}})::int AS end_s, t.covered_s,
    {", ".join(f"t.{name}" for name in KINDS)}
"""

OF_THESE = "t.miner_id = ANY(%(miner_ids)s)"

# OFFSET '0' has each expression computed once a row, and lets parallel workers aggregate what comes of it; with a
# bare 0, which only becomes a bigint when the query is planned, PostgreSQL does not.
WITHIN = "t.timestamp > to_timestamp({start_s}) AND t.timestamp <= to_timestamp({end_s}) AND {whose}"
ENDING_WITHIN = f"""
SELECT {ROW} FROM {{telemetry}} t WHERE {WITHIN} OFFSET '0'
"""

# The seconds of a row's end take longer to find than all else of it: they are asked of the rows alone that may reach
# back over the beginning of the stretch in which they end.
NEAR_S = 300
MAY_REACH_BACK = f"(t.covered_s > {NEAR_S} OR t.timestamp <= {{first_end}} + interval '{NEAR_S} seconds')"
FIRST_END = "date_bin({length}, t.timestamp, {first})"
SINCE = "(mod((date_part('epoch', t.timestamp) - {start_s})::int - 1, {length_s}) + 1)"

# An equality, since PostgreSQL takes that for rare, as it is, and a third of all rows for what an inequality leaves.
REACHING_BACK = f"""
SELECT {ROW} FROM {{telemetry}} t
WHERE {WITHIN} AND {MAY_REACH_BACK} AND CASE WHEN {SINCE} < t.covered_s THEN 1 END = 1 OFFSET '0'
"""

LAST_PIECES = f"""
SELECT miner_id, first_end, sec = covered_s AS begins, sec, {VALUES} FROM (
    SELECT t.miner_id, {{first_end}} AS first_end, t.covered_s,
        (CASE WHEN {MAY_REACH_BACK} THEN least(t.covered_s, {SINCE}) ELSE t.covered_s END)::float8 AS sec,
        {", ".join(f"t.{name}" for name in KINDS)}
    FROM {{telemetry}} t WHERE {WITHIN} OFFSET '0'
) reading
"""

# Since the intervals of a miner never overlap, only the first row after a moment can reach back over it.
REACHING_IN = f"""
SELECT reading.* FROM unnest(%(miner_ids)s::int[]) AS m(id) CROSS JOIN LATERAL (
    SELECT {ROW} FROM {{telemetry}} t
    WHERE t.miner_id = m.id AND t.timestamp > to_timestamp({{end_s}})
      AND t.timestamp < to_timestamp({{end_s}} + {MAX_COVERED_S}) ORDER BY t.timestamp LIMIT 1
) reading WHERE reading.end_s - reading.covered_s < {{end_s}} - {{start_s}}
"""

REACHING_OVER = f"""
SELECT reading.*, edge.edge_s FROM unnest(%(miner_ids)s::int[]) AS m(id)
CROSS JOIN {{edges}} AS edge(edge_s) CROSS JOIN LATERAL (
    SELECT {ROW} FROM {{telemetry}} t
    WHERE t.miner_id = m.id AND t.timestamp > to_timestamp({{start_s}} + edge.edge_s)
      AND t.timestamp < to_timestamp({{start_s}} + edge.edge_s + {MAX_COVERED_S}) ORDER BY t.timestamp LIMIT 1
) reading WHERE reading.end_s - reading.covered_s < edge.edge_s
"""

REACHING = f"""
SELECT * FROM unnest(%(reaching_miner)s::int[], %(reaching_end_s)s::int[], %(reaching_covered_s)s::int[],
    {", ".join(f"%(reaching_{name})s::{kind}[]" for name, kind in KINDS.items())})
    AS reading(miner_id, end_s, covered_s, {VALUES})
"""
"""What `read_reaching_in` found, as a query that parallel workers may run: they must not run one with a LIMIT."""

FIRST_START = """
SELECT least(
    (SELECT min(first.timestamp - make_interval(secs => first.covered_s)) FROM miners_miner m CROSS JOIN LATERAL (
        SELECT timestamp, covered_s FROM telemetry WHERE miner_id = m.id ORDER BY timestamp LIMIT 1
    ) first),
    (SELECT min(begins_at) FROM telemetry_packed),
    (SELECT min(start) FROM telemetry_dropped)
)
"""
"""When the first row of all begins, also where it has been packed or dropped; null where there never was one."""

# Of a packed day it is not told where within it rows end, only that they do.
HOLDING_ENDS = """
SELECT bucket.start FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS bucket(start, stop)
WHERE EXISTS (SELECT FROM telemetry t WHERE t.timestamp > bucket.start AND t.timestamp <= bucket.stop)
   OR EXISTS (SELECT FROM telemetry_packed p WHERE p.last_at > bucket.start AND p.first_at <= bucket.stop
                AND p.day BETWEEN (bucket.start AT TIME ZONE 'UTC')::date AND (bucket.stop AT TIME ZONE 'UTC')::date)
"""

SPANS = """
SELECT l.miner_id, least(first.start, packed.start, dropped.start), l.timestamp
FROM miners_latestreading l
LEFT JOIN LATERAL (
    SELECT timestamp - covered_s * interval '1 second' AS start
    FROM telemetry t WHERE t.miner_id = l.miner_id ORDER BY t.timestamp LIMIT 1
) first ON TRUE
LEFT JOIN LATERAL (
    SELECT begins_at AS start FROM telemetry_packed p WHERE p.miner_id = l.miner_id ORDER BY p.day LIMIT 1
) packed ON TRUE
LEFT JOIN telemetry_dropped dropped ON dropped.miner_id = l.miner_id
WHERE l.miner_id = ANY(%s) AND l.timestamp IS NOT NULL
"""

BETWEEN = """
SELECT miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected
FROM {telemetry} t WHERE miner_id = %s AND timestamp > %s AND timestamp <= %s ORDER BY timestamp
"""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Equally long stretches of time that adjoin: SQL expressions of their start and end and of how long each is.

    `start_s` and `end_s` are in seconds since 1970, `length_s` in seconds; `length` is that as an interval, and `first`
    the second after the start, in which a row of the first stretch can end at the earliest. The last may be shorter.
    """

    start_s: str
    end_s: str
    length_s: str
    length: str
    first: str

    def format(self, sql: str, *, everyone: bool) -> str:
        """Return a query of this module filled in with these; `everyone` has it read whole partitions."""
        first_end = FIRST_END.format(length=self.length, first=self.first)
        return sql.format(
            telemetry=relation(),
            whose="true" if everyone else OF_THESE,
            first_end=first_end,
            start_s=self.start_s,
            end_s=self.end_s,
            length_s=self.length_s,
        )


def ending_within(start_s: str, end_s: str, *, everyone: bool = False) -> str:
    """Return the query of the rows with start < timestamp ≤ end: miner_id, end_s, covered_s and VALUES.

    `start_s` and `end_s` are SQL expressions of seconds since 1970; `end_s` of a row counts from that start. Its
    parameter is `miner_ids`; `everyone` says that these are all the miners there are, so that whole partitions may be
    read.
    """
    whose = "true" if everyone else OF_THESE
    return ENDING_WITHIN.format(telemetry=relation(), start_s=start_s, end_s=end_s, whose=whose)


def reaching_back(stretches: Stretches, *, everyone: bool = False) -> str:
    """Return the query of those of `ending_within` that begin before the stretch in which they end."""
    return stretches.format(REACHING_BACK, everyone=everyone)


def last_pieces(stretches: Stretches, *, everyone: bool = False) -> str:
    """Return the query of the rows that end in these stretches, each with what of it lies in the one it ends in.

    Its columns are miner_id, first_end (`first` of that stretch), begins (all of the row lies in it), sec and VALUES;
    its parameter is `miner_ids`.
    """
    return stretches.format(LAST_PIECES, everyone=everyone)


def reaching_in(start_s: str, end_s: str) -> str:
    """Return the query of the rows that end after `end_s` and begin before it, with the columns of `ending_within`.

    Its parameter is `miner_ids`.
    """
    return REACHING_IN.format(telemetry=relation(), start_s=start_s, end_s=end_s)


def reaching_over(start_s: str, edges: str) -> str:
    """Return the query of the rows that begin before and end after edges, which are in seconds from `start_s`.

    `edges` is what has them in a FROM, in one column. It has the columns of `ending_within`, and `edge_s`: a row comes
    once for each edge that it reaches over. Its parameter is `miner_ids`.
    """
    return REACHING_OVER.format(telemetry=relation(), start_s=start_s, edges=edges)


def read_reaching_in(start: datetime, end: datetime, miner_ids: Sequence[int]) -> dict[str, list[Any]]:
    """Return what `reaching_in` selects for these miners, as the parameters of REACHING. One query."""
    with connection.cursor() as cursor:
        cursor.execute(reaching_in(_epoch(start), _epoch(end)), {"miner_ids": list(miner_ids)})
        rows = cursor.fetchall()
    names = ("miner", "end_s", "covered_s", *KINDS)
    return {f"reaching_{name}": [row[i] for row in rows] for i, name in enumerate(names)}


class Latest(NamedTuple):
    """A miner's newest reading; figures are null where the device does not say. Counters are the device's own."""

    miner_id: int
    timestamp: datetime
    hashrate_ghs: float | None
    power_w: float | None
    temperature_c: float | None
    fan_rpm: int | None
    uptime_s: int | None
    accepted_counter: int | None
    rejected_counter: int | None
    firmware: str


def latest_telemetry(miner_ids: Iterable[int]) -> dict[int, Latest]:
    """Return the newest reading of each of these miners that has one, by miner id. One query."""
    found = LatestReading.objects.filter(timestamp__isnull=False, miner_id__in=list(miner_ids))
    return {row[0]: Latest(*row) for row in found.values_list(*Latest._fields)}


def telemetry_spans(miner_ids: Iterable[int]) -> dict[int, tuple[datetime, datetime]]:
    """Return from when until when there is telemetry, for each of these miners that has any."""
    with connection.cursor() as cursor:
        cursor.execute(SPANS, [list(miner_ids)])
        return {miner_id: (start, end) for miner_id, start, end in cursor.fetchall()}


def rows_between(miner_id: int, start: datetime, end: datetime) -> list[Telemetry]:
    """Return the rows of a miner with start < timestamp ≤ end, oldest first, packed ones too."""
    with unpacked([(start, end)], [miner_id]), connection.cursor() as cursor:
        cursor.execute(BETWEEN.format(telemetry=relation()), [miner_id, start, end])
        names = [column.name for column in cursor.description]
        return [Telemetry(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def first_telemetry() -> datetime | None:
    """Return when the first row of telemetry begins, None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_START)
        first: datetime | None = cursor.fetchone()[0]
        return first


def with_telemetry(found: Sequence[Bucket]) -> set[datetime]:
    """Return the starts of those buckets in which a row of telemetry ends."""
    params = {"starts": [b.start for b in found], "ends": [b.end for b in found]}
    with connection.cursor() as cursor:
        cursor.execute(HOLDING_ENDS, params)
        return {start for (start,) in cursor.fetchall()}


def _epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))
