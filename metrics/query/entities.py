"""Metrics of one miner in every type, of the whole fleet in one period, and the latest there are."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from django.utils import timezone

from hmm.installation import installation
from hmm.lib.buckets import DEFAULT_SLOT_S, PERIODS, Bucket, bucket_at
from metrics.engine.grid import grid
from metrics.engine.state import State
from metrics.live import live_rows
from metrics.query.aggregate import MOMENT
from metrics.query.prepared import prepared_state
from metrics.query.ranges import metrics_in_range
from metrics.query.rows import MetricRow, Position, TypePosition, from_live
from metrics.query.stored import stored_of_miner
from metrics.query.words import check_word, check_words
from metrics.types import metric_types


class Whose(TypedDict, total=False):
    """Of which entities `metrics_in_range` returns rows, how many, and from behind which one on."""

    entity_type: str | None
    entity_id: int | None
    limit: int | None
    after: Position | None


def miner_metrics(
    miner_id: int,
    *,
    period: str,
    start: datetime,
    end: datetime,
    types: Sequence[str] | None = None,
    limit: int | None = None,
    after: TypePosition | None = None,
    now: datetime | None = None,
) -> list[MetricRow]:
    """Return one miner's metrics of every type, or of these, whose period begins in [start, end), by (timestamp, metric type).

    The open period is included as `source` "live". `after` is (timestamp, metric_type) of the last row of the page
    before. Two queries more than the preparing. Raises UnknownWord and NotComputedYet.
    """
    now = now or timezone.now()
    check_word("period", period, PERIODS)
    state = prepared_state(period, start, end, now)
    opened = state.cut.bucket_at(period, now)
    of_miners = [metric.name for metric in metric_types if "miner" in metric.entities]
    wanted = [name for name in of_miners if types is None or name in types]
    rows = stored_of_miner(miner_id, wanted, period, start, end, limit, after) if start < opened.start else []
    if (limit is None or len(rows) < limit) and start <= opened.start < end:
        rows += _live(miner_id, wanted, period, opened, state, now, after)
    return rows[:limit]


def fleet_metrics(
    *,
    metric_type: str,
    period: str,
    at: datetime | None = None,
    entity_type: str = "miner",
    limit: int | None = None,
    after: Position | None = None,
    now: datetime | None = None,
) -> list[MetricRow]:
    """Return one metric of every miner (or site) in the period that holds `at`; None: in the open one, so far.

    Ordered by entity id; `after` is the position of the last row of the page before. Whoever has no data there has
    no row. Raises UnknownWord and NotComputedYet.
    """
    now = now or timezone.now()
    check_words(metric_type, period, entity_type)
    bucket = _bucket_at(period, at or now, now)
    return metrics_in_range(
        metric_type=metric_type,
        period=period,
        start=bucket.start,
        end=bucket.start + MOMENT,
        entity_type=entity_type,
        limit=limit,
        after=after,
        now=now,
    )


def latest_metrics(
    *, metric_type: str, period: str, now: datetime | None = None, **whose: Unpack[Whose]
) -> list[MetricRow]:
    """Return one metric in the last period that is over, and then in the open one, so far.

    Of every entity, or of those of one type, or of one. Ordered and paged as `metrics_in_range`; whoever has no
    data there has no row. Raises UnknownWord and NotComputedYet.
    """
    now = now or timezone.now()
    check_words(metric_type, period, whose.get("entity_type"))
    return metrics_in_range(
        metric_type=metric_type,
        period=period,
        start=latest_start(period, now),
        end=now + MOMENT,
        now=now,
        **whose,
    )


def latest_start(period: str, now: datetime) -> datetime:
    """Return when the last bucket of `period` that is over at `now` began. Raises UnknownWord."""
    check_word("period", period, PERIODS)
    return _bucket_at(period, _bucket_at(period, now, now).start - MOMENT, now).start


def _bucket_at(period: str, moment: datetime, now: datetime) -> Bucket:
    # Only the length of slots is in the database; the rest follows from the zone.
    if period == "slot":
        return grid(now).bucket_at(period, moment)
    return bucket_at(period, moment, installation().zone, DEFAULT_SLOT_S)


def _live(
    miner_id: int,
    types: Sequence[str],
    period: str,
    opened: Bucket,
    state: State,
    now: datetime,
    after: TypePosition | None,
) -> list[MetricRow]:
    found = live_rows(types, period, opened, state, now, entity_type="miner", entity_id=miner_id)
    rows = [from_live(name, period, opened.start, row, now) for row in found for name in types]
    return [row for row in rows if after is None or (row.timestamp, row.metric_type) > after]
