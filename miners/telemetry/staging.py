"""The bulk way into telemetry: rows are copied beside it first, and merged when all of them are there.

The staging table is temporary and goes with the transaction, so nothing is half stored.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from miners.models import Miner, SetAside
from miners.telemetry.append import Candidate, append_stage, find_apart
from miners.telemetry.columns import Columns
from miners.telemetry.latest import lock_latest_readings
from miners.telemetry.merge import LONGEST, Source, merge
from miners.telemetry.packed.dropping import dropped_reason
from miners.telemetry.packed.late import Stretch, make_room
from miners.telemetry.partitions import ensure_days
from miners.telemetry.rows import WriteResult
from miners.telemetry.rules import MAX_COVERED_S

CREATE = """
SET LOCAL work_mem = '64MB';
DROP TABLE IF EXISTS pg_temp.telemetry_stage;
CREATE TEMPORARY TABLE telemetry_stage (
    line bigint, key integer, at bigint, gap_s integer, covered_s integer,
    power_w double precision, hashrate_ghs double precision, temperature_c double precision,
    fan_rpm integer, accepted integer, rejected integer, problem text, raw jsonb
) ON COMMIT DROP
"""

DECLARED = """(
    SELECT s.line AS ordinal, row_number() OVER (PARTITION BY s.key, s.at ORDER BY s.line) AS delivery,
           m.miner_id, to_timestamp(s.at) AS timestamp, s.covered_s,
           s.power_w, s.hashrate_ghs, s.temperature_c, s.fan_rpm, s.accepted, s.rejected, NULL::jsonb AS facts
    FROM telemetry_stage s
    JOIN unnest(%(keys)s::int[], %(miner_ids)s::int[]) AS m (key, miner_id) USING (key)
) AS given"""

# A row without covered_s stands for the gap to the row before it in the file, unless that is more than 2.5 of
# the miner's median gaps: then for the median. A miner with one row has no gap: one poll interval.
DERIVED = f"""(
    WITH spaced AS (
        SELECT *, row_number() OVER (PARTITION BY key, at ORDER BY line) AS delivery,
               at - max(at) OVER (PARTITION BY key ORDER BY at RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                   AS spacing_s
        FROM telemetry_stage WHERE key = ANY(%(keys)s::int[])
    ),
    usual AS (
        SELECT key, percentile_cont(0.5) WITHIN GROUP (ORDER BY spacing_s) FILTER (WHERE delivery = 1) AS median_s
        FROM spaced GROUP BY key
    )
    SELECT s.line AS ordinal, s.delivery, m.miner_id, to_timestamp(s.at) AS timestamp,
           coalesce(s.covered_s, LEAST(floor(
               CASE WHEN s.spacing_s <= 2.5 * u.median_s THEN s.spacing_s ELSE coalesce(u.median_s, m.poll_interval_s) END
           ), {MAX_COVERED_S})::int) AS covered_s,
           s.power_w, s.hashrate_ghs, s.temperature_c, s.fan_rpm, s.accepted, s.rejected, NULL::jsonb AS facts
    FROM spaced s
    JOIN usual u USING (key)
    JOIN unnest(%(keys)s::int[], %(miner_ids)s::int[], %(poll_intervals_s)s::int[])
        AS m (key, miner_id, poll_interval_s) USING (key)
) AS given"""

DROPPED = """
WITH gone AS (
    DELETE FROM telemetry_stage s
    USING unnest(%(keys)s::int[], %(miner_ids)s::int[]) AS m (key, miner_id)
    JOIN telemetry_dropped d USING (miner_id)
    WHERE s.key = m.key AND to_timestamp(s.at) >= d.start AND to_timestamp(s.at) < d."end"
    RETURNING s.*, m.miner_id, d."end" AS until
)
SELECT line, until, miner_id, to_jsonb(gone) - '{key,gap_s,problem,raw,miner_id,until}'::text[] FROM gone ORDER BY line
"""

PROBLEMS = """
INSERT INTO miners_setaside (received_at, source, miner_name, reason, row)
SELECT %s, %s, '', 'line ' || line || ': ' || problem, raw FROM telemetry_stage WHERE problem IS NOT NULL
"""

BUFFERED_ROWS = 2000
DAY_S = 86400
EMPTY = "\t" * 10


class StagedMiner(NamedTuple):
    """Which miner the rows staged under `key` are of, and how often it is polled."""

    key: int
    miner_id: int
    poll_interval_s: int


@dataclass
class Stage:
    """Rows on their way into the staging table, and what is known of them by now."""

    copy: Any
    rows: int = 0
    problems: int = 0
    first_at: dict[int, int] = field(default_factory=dict)
    last_at: dict[int, int] = field(default_factory=dict)
    out_of_order: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    needs_covered_s: bool = False
    buffer: list[str] = field(default_factory=list)

    @property
    def keys(self) -> Collection[int]:
        """What rows are staged under."""
        return self.last_at.keys()

    def add(self, line: int, key: int, at: int, covered_s: int | None, *values: float | None) -> None:
        """Stage a row: `at` in seconds since 1970, then power_w … rejected in the order of the table."""
        self.rows += 1
        self.days.add(at // DAY_S)
        if covered_s is None:
            self.needs_covered_s = True
        cells = "\t".join(["" if value is None else str(value) for value in (covered_s, *values)])
        self._send(f"{line}\t{key}\t{at}\t{self._gap(key, at)}\t{cells}\t\t\n")

    def add_columns(self, lines: Sequence[int], keys: Sequence[int], columns: Columns) -> None:
        """Stage the rows of `columns`, which stand on these lines and are of these keys."""
        self.rows += len(lines)
        self.days.update({at // DAY_S for at in set(columns.at)})
        self.needs_covered_s = self.needs_covered_s or "" in columns.values[0]
        gaps = map(self._gap, keys, columns.at)
        values = map("\t".join, zip(*columns.values, strict=True))
        rows = zip(lines, keys, columns.at, gaps, values, strict=True)
        self.buffer += [f"{line}\t{key}\t{at}\t{gap}\t{cells}\t\t\n" for line, key, at, gap, cells in rows]
        self.flush()

    def add_problem(self, line: int, problem: str, text: str) -> None:
        """Stage a line that is refused, with the reason and what it says."""
        self.problems += 1
        raw = json.dumps({"line": line, "text": _storable(text)})
        self._send(f"{line}{EMPTY}\t{_escaped(_storable(problem))}\t{_escaped(raw)}\n")

    def flush(self) -> None:
        """Send what is buffered."""
        self.copy.write("".join(self.buffer))
        self.buffer.clear()

    def _send(self, row: str) -> None:
        self.buffer.append(row)
        if len(self.buffer) >= BUFFERED_ROWS:
            self.flush()

    def _gap(self, key: int, at: int) -> int | str:
        """Return the seconds since the row of this key that came before, nothing for the first."""
        before = self.last_at.get(key)
        self.last_at[key] = at
        if before is None:
            self.first_at[key] = at
            return ""
        if at <= before:
            self.out_of_order.add(key)
        return at - before


@contextmanager
def staging() -> Iterator[Stage]:
    """Give an empty stage, in the running transaction. It is filled before anything else is asked."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        with cursor.copy("COPY telemetry_stage FROM STDIN (NULL '')") as copy:
            stage = Stage(copy)
            yield stage
            stage.flush()
        cursor.execute("ANALYZE telemetry_stage")


class DayDropped(Exception):
    """A row is of a day that is no longer kept; `line` is where it stands, `reason` says so without it."""

    def __init__(self, line: int, until: datetime) -> None:
        super().__init__(f"line {line}: {dropped_reason(until)}")
        self.reason = dropped_reason(until)


def merge_stage(
    stage: Stage, miners: Sequence[StagedMiner], *, source: str, now: datetime, keep_going: bool = False
) -> WriteResult:
    """Store what is staged as rows of `miners`, in the running transaction.

    Lines staged as problems are set aside under `source`, and so are rows that contradict stored ones. Raises
    DayDropped for a row of a day that has been dropped; with `keep_going` such rows are set aside too.
    """
    aside = WriteResult(set_aside=_set_problems_aside(stage, source, now))
    aside += WriteResult(set_aside=_set_dropped_aside(miners, source, now, keep_going=keep_going))
    if not stage.rows:
        return aside
    days = [_midnight(day).date() for day in stage.days]
    ensure_days(days)
    lock_latest_readings(miner.miner_id for miner in miners)
    make_room((_stretch(stage, miner) for miner in miners), days, now)
    apart = _apart(stage, miners)
    appended = append_stage(apart, needs_covered_s=stage.needs_covered_s) if apart else 0
    done = {miner.key for miner in apart}
    others = [miner for miner in miners if miner.key not in done]
    merged = merge(_as_source(stage, others), source_name=source, now=now) if others else WriteResult()
    return aside + WriteResult(stored=appended) + merged


def _stretch(stage: Stage, miner: StagedMiner) -> Stretch:
    """Return from when until when there are rows of a miner: of all miners, where its own are in no order."""
    in_order = miner.key not in stage.out_of_order
    first = _second(stage.first_at[miner.key]) if in_order else _midnight(min(stage.days))
    last = _second(stage.last_at[miner.key]) if in_order else _midnight(max(stage.days))
    return Stretch(miner.miner_id, first - LONGEST, first, last)


def _apart(stage: Stage, miners: Sequence[StagedMiner]) -> list[Candidate]:
    """Return those of `miners` whose rows are in order and go where nothing is stored."""
    return find_apart(
        Candidate(*miner, stage.first_at[miner.key], stage.last_at[miner.key])
        for miner in miners
        if miner.key not in stage.out_of_order
    )


def _set_problems_aside(stage: Stage, source: str, now: datetime) -> int:
    if stage.problems:
        with connection.cursor() as cursor:
            cursor.execute(PROBLEMS, [now, source])
    return stage.problems


def _set_dropped_aside(miners: Sequence[StagedMiner], source: str, now: datetime, *, keep_going: bool) -> int:
    params = {"keys": [miner.key for miner in miners], "miner_ids": [miner.miner_id for miner in miners]}
    with connection.cursor() as cursor:
        cursor.execute(DROPPED, params)
        found = cursor.fetchall()
    if found and not keep_going:
        raise DayDropped(*found[0][:2])
    names = dict(Miner.objects.filter(pk__in={row[2] for row in found}).values_list("pk", "name"))
    SetAside.objects.bulk_create(
        SetAside(
            received_at=now,
            source=source,
            miner_name=names[miner_id],
            reason=f"line {line}: {dropped_reason(until)}",
            row=json.loads(raw),
        )
        for line, until, miner_id, raw in found
    )
    return len(found)


def _as_source(stage: Stage, miners: Sequence[StagedMiner]) -> Source:
    params = {
        "keys": [miner.key for miner in miners],
        "miner_ids": [miner.miner_id for miner in miners],
        "poll_intervals_s": [miner.poll_interval_s for miner in miners],
    }
    return Source(
        DERIVED if stage.needs_covered_s else DECLARED,
        params,
        first=_midnight(min(stage.days)),
        last=_midnight(max(stage.days) + 1),
    )


def _midnight(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_S, UTC)


def _second(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _storable(text: str) -> str:
    # PostgreSQL's text has neither NUL nor the lone surrogates that stand for bytes that are not UTF-8.
    return text[:2000].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
