"""The store's reading side. Every page, export, alert and the API reads figures here and nowhere else."""

from metrics.query.prepared import NotComputedYet, prepared_state
from metrics.query.ranges import get_metric, metrics_in_range, open_metrics
from metrics.query.rows import MetricRow, Position
from metrics.query.words import Refused, UnknownWord

__all__ = [
    "MetricRow",
    "NotComputedYet",
    "Position",
    "Refused",
    "UnknownWord",
    "get_metric",
    "metrics_in_range",
    "open_metrics",
    "prepared_state",
]
