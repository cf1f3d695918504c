"""Stores rows as they come, a tick of the collector or a push: believable ones, and the rest aside."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from hmm.lib.times import floor_to_second
from miners.models import Miner, SetAside
from miners.telemetry.latest import lock_latest_readings
from miners.telemetry.merge import Source, merge
from miners.telemetry.partitions import ensure_days
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.rules import refusal

ARRAYS = {
    "ordinal": "int",
    "miner_id": "int",
    "timestamp": "timestamptz",
    "covered_s": "int",
    "power_w": "float8",
    "hashrate_ghs": "float8",
    "temperature_c": "float8",
    "fan_rpm": "int",
    "accepted": "int",
    "rejected": "int",
    "facts": "jsonb",
}
RELATION = """(
    SELECT *, row_number() OVER (PARTITION BY miner_id, timestamp ORDER BY ordinal) AS delivery
    FROM unnest({arrays}) AS a ({names})
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
    ensure_days({row.timestamp.astimezone(UTC).date() for row in believed})
    with transaction.atomic():
        known = lock_latest_readings(row.miner_id for row in believed)
        refused += [
            (row, f"no miner has the id {row.miner_id}") for row in believed if row.miner_id not in known
        ]
        believed = [row for row in believed if row.miner_id in known]
        result = merge(_as_source(believed), source_name=source, now=now) if believed else WriteResult()
        _set_aside(refused, source)
    return result + WriteResult(set_aside=len(refused))


def _sort_out(rows: Iterable[TelemetryRow], now: datetime) -> tuple[list[TelemetryRow], list[Refused]]:
    believed: list[TelemetryRow] = []
    refused: list[Refused] = []
    for row in rows:
        if reason := refusal(row, now):
            refused.append((row, reason))
        else:
            believed.append(replace(row, timestamp=floor_to_second(row.timestamp)))
    return believed, refused


def _as_source(rows: Sequence[TelemetryRow]) -> Source:
    arrays: dict[str, list[Any]] = {
        name: [getattr(row, name) for row in rows] for name in ARRAYS if name not in ("ordinal", "facts")
    }
    for name, kind in ARRAYS.items():
        if kind == "float8":
            arrays[name] = [None if value is None else float(value) for value in arrays[name]]
    arrays["ordinal"] = list(range(len(rows)))
    arrays["facts"] = [None if row.facts is None else json.dumps(asdict(row.facts)) for row in rows]
    times = arrays["timestamp"]
    return Source(RELATION, arrays, first=min(times), last=max(times))


def _set_aside(refused: Sequence[Refused], source: str) -> None:
    names = dict(Miner.objects.filter(pk__in={row.miner_id for row, _ in refused}).values_list("pk", "name"))
    SetAside.objects.bulk_create(
        SetAside(source=source, miner_name=names.get(row.miner_id, ""), reason=reason, row=_as_json(row))
        for row, reason in refused
    )


def _as_json(row: TelemetryRow) -> dict[str, Any]:
    # Written as text where JSON has no such number: PostgreSQL refuses the token NaN.
    fields = {name: getattr(row, name) for name in ARRAYS if name not in ("ordinal", "facts")}
    fields["timestamp"] = row.timestamp.isoformat()
    return {
        name: str(value) if isinstance(value, float) and not abs(value) < float("inf") else value
        for name, value in fields.items()
    }
