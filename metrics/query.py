"""The store's reading side. Every page, export, alert and the API reads figures here and nowhere else."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from hmm.installation import installation
from hmm.lib.buckets import DEFAULT_SLOT_S, PERIODS, Bucket, bucket_at
from metrics.engine.run import Busy, clean, fill
from metrics.engine.state import State, read_state
from metrics.live import LiveRow, live_rows
from metrics.models import Metric
from metrics.types import metric_types

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long a reader waits for another run of the engine before it takes what is stored."""

ON_DEMAND = timedelta(days=2, hours=1)
"""How much may be computed while someone waits: two local days, one of which may have 25 hours."""

Position = tuple[datetime, str, int | None]
"""Where a page ended: timestamp, entity type and id of its last row."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one entity in one period. `source` is "store", or "live" for a period still open."""

    metric_type: str
    entity_type: str
    entity_id: int | None
    period: str
    timestamp: datetime
    value_json: dict[str, Any]
    computed_at: datetime
    source: str

    @property
    def position(self) -> Position:
        """Where it stands in the order of a range."""
        return (self.timestamp, self.entity_type, self.entity_id)


class UnknownWord(ValueError):
    """A metric type, period or entity type that there is not. `field` names which."""

    def __init__(self, field: str, value: str, known: list[str]) -> None:
        super().__init__(f"{field} {value!r} is unknown; there are: {', '.join(known)}")
        self.field = field


class NotComputedYet(Exception):
    """More is still to be computed in the range than a reader should wait for."""

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(
            f"figures from {start:%Y-%m-%d} to {end:%Y-%m-%d} are not computed yet; "
            f"run: manage.py backfill_metrics --from {start:%Y-%m-%d} --to {end:%Y-%m-%d}"
        )
        self.start, self.end = start, end


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
    _check(metric_type, period, entity_type)
    state = prepared_state(period, start, end, now)
    wanted = _Wanted(metric_type, period, start, end, entity_type, entity_id, after)
    opened = state.cut.bucket_at(period, now)
    rows = [_from_store(m) for m in _stored(wanted)[: limit or None]] if start < opened.start else []
    if (limit is None or len(rows) < limit) and start <= opened.start < end:
        rows += [
            row for row in _live(wanted, opened, state, now) if after is None or _behind(row.position, after)
        ]
    return rows[:limit]


def open_metrics(
    types: Sequence[str],
    *,
    period: str,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> dict[int | None, dict[str, MetricRow]]:
    """Return the open period's figures of several types at once: entity id → type → row. Two queries.

    Raises as metrics_in_range.
    """
    now = now or timezone.now()
    for name in types:
        _check(name, period, entity_type)
    state = prepared_state(period, now, now, now)
    bucket = state.cut.bucket_at(period, now)
    found = live_rows(types, period, bucket, state, now, entity_type=entity_type, entity_id=entity_id)
    return {row.entity_id: {t: _from_live(t, period, bucket, row, now) for t in types} for row in found}


@dataclass(frozen=True, slots=True)
class _Wanted:
    metric_type: str
    period: str
    start: datetime
    end: datetime
    entity_type: str | None
    entity_id: int | None
    after: Position | None


def _check(metric_type: str, period: str, entity_type: str | None) -> None:
    if metric_type not in metric_types:
        raise UnknownWord("type", metric_type, metric_types.names())
    if period not in PERIODS:
        raise UnknownWord("period", period, list(PERIODS))
    entities = list(metric_types[metric_type].entities)
    if entity_type is not None and entity_type not in entities:
        raise UnknownWord("entity_type", entity_type, entities)


def prepared_state(period: str, start: datetime, end: datetime, now: datetime) -> State:
    """Return the state for reading [start, end), once what is closed or dirty in it is computed.

    Raises NotComputedYet when that is more than two days.
    """
    zone = installation().zone
    low, high = _extent(period, start, end, now, zone)
    state = read_state(now, low, high, min(low, now))
    pending = list(_pending(low, high, state, now))
    if sum((b - a for a, b in pending), timedelta()) > ON_DEMAND:
        raise NotComputedYet(min(a for a, _ in pending), max(b for _, b in pending))
    if not pending and _is_closed(period, state, now):
        return state
    try:
        fill(now, period, wait_s=PATIENCE_S)
        clean(now, low, high, wait_s=PATIENCE_S)
    except Busy:
        logger.info("a long run of the engine is at work: %s figures are read as they are stored", period)
    return read_state(now, low, high, min(low, now))


def _extent(
    period: str, start: datetime, end: datetime, now: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """Return from where to where figures must be right: all of each bucket that begins in [start, end)."""
    first = bucket_at(period, min(start, now), zone, DEFAULT_SLOT_S)
    last = bucket_at(period, min(max(end - timedelta(microseconds=1), start), now), zone, DEFAULT_SLOT_S)
    return first.start, max(last.end, first.end)


def _is_closed(period: str, state: State, now: datetime) -> bool:
    return state.marks.get(period) == state.cut.last_boundary(period, now)


def _pending(
    low: datetime, high: datetime, state: State, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of [low, high) that are not computed, without overlap."""
    closed = state.cut.last_boundary("slot", now)
    filled = state.marks.get("slot", closed)
    ranges = [*state.dirty, *([(filled, closed)] if filled < closed else [])]
    at = low
    for start, end in sorted(ranges):
        a, b = max(start, at), min(end, high, closed)
        if a < b:
            yield a, b
            at = b


def _stored(wanted: _Wanted) -> QuerySet[Metric]:
    found = Metric.objects.filter(
        metric_type=wanted.metric_type,
        period=wanted.period,
        timestamp__gte=wanted.start,
        timestamp__lt=wanted.end,
    )
    if wanted.entity_type is not None:
        found = found.filter(entity_type=wanted.entity_type)
    if wanted.entity_id is not None:
        found = found.filter(entity_id=wanted.entity_id)
    if wanted.after is not None:
        found = found.filter(_is_behind(wanted.after))
    return found.order_by("timestamp", "entity_type", "entity_id")


def _is_behind(after: Position) -> Q:
    timestamp, entity_type, entity_id = after
    same = Q(timestamp=timestamp)
    later_entity = Q(entity_type__gt=entity_type)
    if entity_id is not None:
        later_entity |= Q(entity_type=entity_type, entity_id__gt=entity_id)
    return Q(timestamp__gte=timestamp) & (Q(timestamp__gt=timestamp) | (same & later_entity))


def _behind(position: Position, after: Position) -> bool:
    return (position[0], position[1], position[2] or 0) > (after[0], after[1], after[2] or 0)


def _live(wanted: _Wanted, bucket: Bucket, state: State, now: datetime) -> Iterator[MetricRow]:
    entities = (
        [wanted.entity_type] if wanted.entity_type else sorted(metric_types[wanted.metric_type].entities)
    )
    for entity_type in entities:
        for row in live_rows(
            [wanted.metric_type],
            wanted.period,
            bucket,
            state,
            now,
            entity_type=entity_type,
            entity_id=wanted.entity_id,
        ):
            yield _from_live(wanted.metric_type, wanted.period, bucket, row, now)


def _from_live(metric_type: str, period: str, bucket: Bucket, row: LiveRow, now: datetime) -> MetricRow:
    return MetricRow(
        metric_type,
        row.entity_type,
        row.entity_id,
        period,
        bucket.start,
        row.values[metric_type],
        now,
        "live",
    )


def _from_store(metric: Metric) -> MetricRow:
    return MetricRow(
        metric.metric_type,
        metric.entity_type,
        metric.entity_id,
        metric.period,
        metric.timestamp,
        metric.value_json,
        metric.computed_at,
        "store",
    )
