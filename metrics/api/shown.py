"""Metrics as the API shows them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ninja import Schema
from pydantic import Field

from metrics.api.times import OffsetTime
from metrics.query import Kind, MetricRow, TypeDescription


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


class MetricKey(Schema):
    """A key of `value_json`."""

    key: str
    kind: Kind = Field(
        description="How a longer time's figure comes about: total: they add up; mean: merged from sums; extreme: "
        "the least or greatest; word: no number."
    )
    formula: dict[str, str] = Field(description="By entity type: SQL over a row `r` of the store.")


class MetricType(Schema):
    """A metric type, and the entities that have it."""

    name: str
    unit: str
    description: str
    entities: list[str]
    keys: list[MetricKey]


class MetricTypes(Schema):
    """Every metric type, by name."""

    results: list[MetricType]


def shown_type(described: TypeDescription) -> dict[str, Any]:
    """Return a description as a MetricType."""
    return asdict(described)


def shown(row: MetricRow, zone: ZoneInfo) -> dict[str, Any]:
    """Return a row as a MetricResult, its times in `zone`."""
    return {
        "metric_type": row.metric_type,
        "entity_type": row.entity_type,
        "entity_id": row.entity_id,
        "period": row.period,
        "timestamp": _written(row.timestamp, zone),
        "value_json": row.value_json,
        "computed_at": _written(row.computed_at, zone),
        "source": row.source,
    }


def _written(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()
