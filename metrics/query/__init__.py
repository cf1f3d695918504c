"""The store's reading side. Every page, export, alert and the API reads figures here and nowhere else.

docs/queries.md says what there is, with an example of each.
"""

from metrics.query.aggregate import Average, FigurePosition, aggregate, average
from metrics.query.described import KeyDescription, TypeDescription, described_types
from metrics.query.entities import TypePosition, fleet_metrics, latest_metrics, latest_start, miner_metrics
from metrics.query.fleet import miners_now
from metrics.query.jobs import (
    JobPosition,
    JobStatistics,
    QueueDepth,
    job_runs,
    job_statistics,
    queue_depth,
    slowest_jobs,
)
from metrics.query.keys import Kind, kinds_of, numeric_key
from metrics.query.meanwhile import as_stored_meanwhile
from metrics.query.merge import Figure
from metrics.query.percentile import Percentile, percentile
from metrics.query.prepared import BeingComputed, NotComputedYet, prepared_state
from metrics.query.ranges import get_metric, metrics_in_range, open_metrics, values_in_range
from metrics.query.ranking import Ranked, bottom_miners, top_miners
from metrics.query.rows import MetricRow, Position
from metrics.query.summary import SitePrice, Summary, prices_now, summary
from metrics.query.words import Refused, UnknownWord

__all__ = [
    "Average",
    "BeingComputed",
    "Figure",
    "FigurePosition",
    "JobPosition",
    "JobStatistics",
    "KeyDescription",
    "Kind",
    "MetricRow",
    "NotComputedYet",
    "Percentile",
    "Position",
    "QueueDepth",
    "Ranked",
    "Refused",
    "SitePrice",
    "Summary",
    "TypeDescription",
    "TypePosition",
    "UnknownWord",
    "aggregate",
    "as_stored_meanwhile",
    "average",
    "bottom_miners",
    "described_types",
    "fleet_metrics",
    "get_metric",
    "job_runs",
    "job_statistics",
    "kinds_of",
    "latest_metrics",
    "latest_start",
    "metrics_in_range",
    "miner_metrics",
    "miners_now",
    "numeric_key",
    "open_metrics",
    "percentile",
    "prepared_state",
    "prices_now",
    "queue_depth",
    "slowest_jobs",
    "summary",
    "top_miners",
    "values_in_range",
]
