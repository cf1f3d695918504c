"""Stores rows as they come, a tick of the collector or a push: believable ones, and the rest aside."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from django.db import transaction

from hmm.lib.times import floor_to_second
from miners.models import Miner
from miners.telemetry.aside import Aside, set_aside
from miners.telemetry.latest import lock_latest_readings
from miners.telemetry.merge import Merged, Source, merge, merge_by_row
from miners.telemetry.packed.late import make_room_for, sort_out_dropped
from miners.telemetry.partitions import ensure_days
from miners.telemetry.rows import DeviceFacts, TelemetryRow, WriteResult
from miners.telemetry.rules import refusal

ARRAYS = {
    "miner_id": "int",
    "covered_s": "int",
    "power_w": "float8",
    "hashrate_ghs": "float8",
    "temperature_c": "float8",
    "fan_rpm": "int",
    "accepted": "int",
    "rejected": "int",
}
"""What is sent as an array each, and of what. Times go as seconds and facts as one document: the driver
escapes text and times one by one, which would take most of the time of a tick."""

FACTS = [field.name for field in fields(DeviceFacts)]

RELATION = """(
    SELECT ordinal, row_number() OVER (PARTITION BY miner_id, at ORDER BY ordinal) AS delivery,
           to_timestamp(at) AS timestamp, {names}, NULLIF(%(facts)s::jsonb -> (ordinal - 1)::int, 'null') AS facts
    FROM unnest(%(at)s::bigint[], {arrays}) WITH ORDINALITY AS a (at, {names}, ordinal)
) AS given""".format(
    arrays=", ".join(f"%({name})s::{kind}[]" for name, kind in ARRAYS.items()), names=", ".join(ARRAYS)
)

Refused = tuple[TelemetryRow, str]


def write_rows(rows: Iterable[TelemetryRow], *, source: str, now: datetime) -> WriteResult:
    """Store `rows` with the latest readings and the dirty ranges they make, in one transaction.

    `source` names where they come from: collector or push. Rows that cannot be believed, of no known
    miner, or different from the one stored for the same second are set aside one by one with the reason.
    """
    believed, refused = _sort_out(rows, now)
    days = {row.timestamp.astimezone(UTC).date() for row in believed}
    ensure_days(days)
    with transaction.atomic():
        known = lock_latest_readings(row.miner_id for row in believed)
        refused += [
            (row, f"no miner has the id {row.miner_id}") for row in believed if row.miner_id not in known
        ]
        believed, gone = sort_out_dropped([row for row in believed if row.miner_id in known], now)
        refused += gone
        make_room_for(believed, days, now)
        result = merge(_as_source(believed), source_name=source, now=now) if believed else WriteResult()
        if refused:
            _set_aside(refused, source)
    return result + WriteResult(set_aside=len(refused))


def merge_rows(rows: Sequence[TelemetryRow], *, source: str, now: datetime) -> Merged:
    """Store believable rows of whole seconds, in the running transaction, and say of each what became of it.

    The transaction holds their miners' latest readings, and their days have partitions. The n-th row, from 1, has the
    ordinal n.
    """
    return merge_by_row(_as_source(rows), source_name=source, now=now) if rows else Merged(WriteResult())


def _sort_out(rows: Iterable[TelemetryRow], now: datetime) -> tuple[list[TelemetryRow], list[Refused]]:
    believed: list[TelemetryRow] = []
    refused: list[Refused] = []
    for row in rows:
        if reason := refusal(row, now):
            refused.append((row, reason))
        else:
            at = floor_to_second(row.timestamp)
            believed.append(row if at == row.timestamp else replace(row, timestamp=at))
    return believed, refused


def _as_source(rows: Sequence[TelemetryRow]) -> Source:
    params: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in ARRAYS}
    for name in (name for name, kind in ARRAYS.items() if kind == "float8"):
        params[name] = [None if value is None else float(value) for value in params[name]]
    times = [row.timestamp for row in rows]
    params["at"] = [int(time.timestamp()) for time in times]
    params["facts"] = json.dumps([_facts(row.facts) for row in rows])
    return Source(RELATION, params, first=min(times), last=max(times), dirty_bin="5 minutes")


def _facts(facts: DeviceFacts | None) -> dict[str, Any] | None:
    return None if facts is None else {name: getattr(facts, name) for name in FACTS}


def _set_aside(refused: Sequence[Refused], source: str) -> None:
    names = dict(Miner.objects.filter(pk__in={row.miner_id for row, _ in refused}).values_list("pk", "name"))
    set_aside(source, [Aside(names.get(row.miner_id, ""), reason, _as_json(row)) for row, reason in refused])


def _as_json(row: TelemetryRow) -> dict[str, Any]:
    # Written as text where JSON has no such number: PostgreSQL refuses the token NaN.
    values = {"timestamp": row.timestamp.isoformat()} | {name: getattr(row, name) for name in ARRAYS}
    return {
        name: str(value) if isinstance(value, float) and not isfinite(value) else value
        for name, value in values.items()
    }
