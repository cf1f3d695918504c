"""Joules for a terahash."""

from metrics.types import metric_types
from metrics.types.base import MetricType

metric_types.register(
    "efficiency",
    MetricType(
        name="efficiency",
        unit="J/TH",
        description="Energy over hashes, of the readings that have both power and hashrate.",
        entities=("miner", "site", "system"),
        own_s="both_s",
        miner={"j_per_th": "r.both_j / nullif(r.both_gh / 1000, 0)"},
    ),
)
