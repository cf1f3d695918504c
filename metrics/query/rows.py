"""What a query returns: one metric of one entity in one period, from the store or live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metrics.live_parts import LiveRow

Position = tuple[datetime, str, int | None]
"""Where a page ended: timestamp, entity type and id of its last row."""

TypePosition = tuple[datetime, str]
"""Where a page of one miner's metrics ended: timestamp and metric type of its last row."""


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


def from_live(metric_type: str, period: str, start: datetime, row: LiveRow, now: datetime) -> MetricRow:
    """Return one metric of the open period that began at `start`, as it is at `now`."""
    return MetricRow(
        metric_type,
        row.entity_type,
        row.entity_id,
        period,
        start,
        row.values[metric_type],
        now,
        "live",
    )
