"""GET /api/metrics: the store, and the open period, page by page."""

from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from hmm.installation import installation
from hmm.lib.buckets import PERIODS
from metrics.api.cursors import Cursor, read_cursor, write_cursor
from metrics.api.errors import REFUSALS, BadParameter
from metrics.api.parameters import MAX_DAYS, Identifier, Paged, Stretch, Whole, stretch
from metrics.api.times import OffsetTime
from metrics.query import MetricRow, Position, metrics_in_range
from metrics.types import metric_types

router = Router(tags=["metrics"])

DEFAULT_DAYS = {"slot": 1, "hourly": 1, "daily": 30, "weekly": 91, "monthly": 366}
"""How far back an answer goes, by period, when the query does not say."""


class MetricParameters(Paged):
    """Which figures, of whom, and when."""

    type: str = Field(
        description="The metric type, such as energy_cost.",
        json_schema_extra={"enum": [*metric_types.names()]},
    )
    period: str = Field(
        description="The length of the periods. Without `days`, `from` and `to`: the last day of slots and "
        "hours, 30 days, 13 weeks, a year of months.",
        json_schema_extra={"enum": [*PERIODS]},
    )
    days: Whole | None = Field(
        None, ge=1, le=MAX_DAYS, description="The last N × 24 hours, in place of `from` and `to`."
    )
    entity_type: str | None = Field(None, description="miner, pool, site or system; all when left out.")
    entity_id: Identifier | None = Field(None, description="The id of the miner, pool or site.")


class MetricResult(Schema):
    """One metric of one entity in the period that begins at `timestamp`."""

    metric_type: str
    entity_type: str
    entity_id: int | None = Field(description="null for the system")
    period: str
    timestamp: OffsetTime
    value_json: dict[str, Any]
    computed_at: OffsetTime
    source: Literal["store", "live"] = Field(description="live: the period is still open")


class MetricPage(Schema):
    """Results ordered by timestamp, entity type and entity id."""

    results: list[MetricResult]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@router.get(
    "/metrics",
    operation_id="metrics",
    response={200: MetricPage, **REFUSALS},
    summary="Figures of the metrics store",
)
def metrics(request: HttpRequest, given: Query[MetricParameters]) -> dict[str, Any]:
    """Figures per period, oldest first, up to this moment.

    Times are in the installation's time zone. 409: more of this range is still to be computed than a caller
    should wait for; the message names the command that computes it.
    """
    now, zone, asked = timezone.now(), installation().zone, given.asked()
    if given.entity_type == "system" and given.entity_id is not None:
        raise BadParameter("entity_id", "the system has no id; leave entity_id out")
    cursor = read_cursor(given.cursor, "metrics", asked) if given.cursor is not None else None
    span = cursor.stretch if cursor else _stretch(given, zone, now)
    rows = _rows(given, span, cursor, now)
    page = rows[: given.limit]
    return {
        "results": [_shown(row, zone) for row in page],
        "next": write_cursor("metrics", asked, Cursor(span, page[-1].position))
        if len(rows) > len(page)
        else None,
    }


def _stretch(given: MetricParameters, zone: ZoneInfo, now: datetime) -> Stretch:
    if given.days is not None:
        if given.from_ is not None or given.to is not None:
            raise BadParameter("days", "cannot go together with from or to")
        return Stretch(now - timedelta(days=given.days), now)
    default = timedelta(days=DEFAULT_DAYS.get(given.period, 1))
    return stretch(given, zone, default=default, open_end=now, now=now)


def _rows(given: MetricParameters, span: Stretch, cursor: Cursor | None, now: datetime) -> list[MetricRow]:
    """Return the rows of the page, and one more where there is one."""
    return metrics_in_range(
        metric_type=given.type,
        period=given.period,
        start=span.start,
        end=span.end,
        entity_type=given.entity_type,
        entity_id=given.entity_id,
        limit=given.limit + 1,
        after=_position(cursor),
        now=now,
    )


def _position(cursor: Cursor | None) -> Position | None:
    if cursor is None:
        return None
    at, entity_type, entity_id = cursor.position
    return (at, entity_type, entity_id)


def _shown(row: MetricRow, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "metric_type": row.metric_type,
        "entity_type": row.entity_type,
        "entity_id": row.entity_id,
        "period": row.period,
        "timestamp": row.timestamp.astimezone(zone),
        "value_json": row.value_json,
        "computed_at": row.computed_at.astimezone(zone),
        "source": row.source,
    }
