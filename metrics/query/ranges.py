"""Metrics of a range of time, of one period, of the open one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from hmm.lib.buckets import Bucket
from metrics.engine.state import State
from metrics.live import live_rows
from metrics.query.prepared import open_state, prepared_state
from metrics.query.rows import MetricRow, Position, from_live
from metrics.query.stored import Wanted, stored_rows, stored_values
from metrics.query.words import check_words


def get_metric(
    *,
    metric_type: str,
    entity_type: str,
    entity_id: int | None = None,
    period: str,
    timestamp: datetime,
    now: datetime | None = None,
) -> MetricRow | None:
    """Return the metric of one entity in the period that begins at `timestamp`, None where there is no data.

    Raises UnknownWord and NotComputedYet.
    """
    rows = metrics_in_range(
        metric_type=metric_type,
        period=period,
        start=timestamp,
        end=timestamp + timedelta(microseconds=1),
        entity_type=entity_type,
        entity_id=entity_id,
        now=now,
    )
    return rows[0] if rows else None


def metrics_in_range(
    *,
    metric_type: str,
    period: str,
    start: datetime,
    end: datetime,
    entity_type: str | None = None,
    entity_id: int | None = None,
    limit: int | None = None,
    after: Position | None = None,
    now: datetime | None = None,
) -> list[MetricRow]:
    """Return the metrics whose period begins in [start, end), ordered by (timestamp, entity_type, entity_id).

    The open period is included, up to this moment, as `source` "live" with `"partial": true`. What is not
    computed yet is computed first. `after` is the position of the last row of the page before.
    Raises UnknownWord for a type, period or entity that there is not, and NotComputedYet when more than two
    days of the range are still to be computed.
    """
    now = now or timezone.now()
    check_words(metric_type, period, entity_type)
    state = prepared_state(period, start, end, now)
    wanted = Wanted(metric_type, period, start, end, entity_type, entity_id, after)
    opened = state.cut.bucket_at(period, now)
    rows = stored_rows(wanted, limit) if start < opened.start else []
    if (limit is None or len(rows) < limit) and start <= opened.start < end:
        rows += [
            row for row in _live(wanted, opened, state, now) if after is None or _behind(row.position, after)
        ]
    return rows[:limit]


@dataclass(frozen=True, slots=True)
class Value:
    """One key of a metric in the period that begins at `start`; `is_open` where that is not over yet."""

    start: datetime
    value: Any
    is_open: bool


def values_in_range(
    *,
    metric_type: str,
    key: str,
    period: str,
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> list[Value]:
    """Return one key of one entity's figures whose period begins in [start, end), in order of time.

    What `metrics_in_range` has under that key, for who draws hundreds of them. Raises as that does.
    """
    now = now or timezone.now()
    check_words(metric_type, period, entity_type)
    state = prepared_state(period, start, end, now)
    wanted = Wanted(metric_type, period, start, end, entity_type, entity_id)
    opened = state.cut.bucket_at(period, now)
    stored = stored_values(wanted, key) if start < opened.start else []
    found = [Value(start, value, is_open=False) for start, value in stored]
    if start <= opened.start < end:
        live = _live(wanted, opened, state, now)
        found += [Value(row.timestamp, row.value_json[key], is_open=True) for row in live]
    return found


def open_metrics(
    types: Sequence[str],
    *,
    period: str,
    entity_type: str,
    entity_id: int | None = None,
    miners: Sequence[int] | None = None,
    now: datetime | None = None,
) -> dict[int | None, dict[str, MetricRow]]:
    """Return the open period's figures of several types at once: entity id → type → row. Two queries.

    `miners`: of these miners only, where the entities are miners.

    Raises as metrics_in_range.
    """
    now = now or timezone.now()
    for name in types:
        check_words(name, period, entity_type)
    state = open_state(period, now)
    bucket = state.cut.bucket_at(period, now)
    found = live_rows(
        types, period, bucket, state, now, entity_type=entity_type, entity_id=entity_id, miners=miners
    )
    at = state.told_until(now, bucket) if entity_type in ("site", "system") else now
    return {row.entity_id: {t: from_live(t, period, bucket.start, row, at) for t in types} for row in found}


def _behind(position: Position, after: Position) -> bool:
    return (position[0], position[1], position[2] or 0) > (after[0], after[1], after[2] or 0)


def _live(wanted: Wanted, bucket: Bucket, state: State, now: datetime) -> Iterator[MetricRow]:
    for entity_type in wanted.entity_types():
        for row in live_rows(
            [wanted.metric_type],
            wanted.period,
            bucket,
            state,
            now,
            entity_type=entity_type,
            entity_id=wanted.entity_id,
        ):
            at = state.told_until(now, bucket) if row.entity_type in ("site", "system") else now
            yield from_live(wanted.metric_type, wanted.period, bucket.start, row, at)
