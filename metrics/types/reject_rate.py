"""Shares that the pool accepted and rejected."""

from metrics.types import metric_types
from metrics.types.base import MetricType

SHARES = "(coalesce(r.accepted, 0) + coalesce(r.rejected, 0))"

metric_types.register(
    "reject_rate",
    MetricType(
        name="reject_rate",
        unit="%",
        description=(
            "100 × rejected / (accepted + rejected); null when no share was found. Shares are increments between "
            "readings and belong to the period that holds the start of their reading's interval."
        ),
        entities=("miner", "pool", "system"),
        own_s="shares_s",
        miner={
            "accepted": "CASE WHEN r.shares_s > 0 THEN coalesce(r.accepted, 0) END",
            "rejected": "CASE WHEN r.shares_s > 0 THEN coalesce(r.rejected, 0) END",
            "reject_rate": f"100.0 * coalesce(r.rejected, 0)::float8 / nullif({SHARES}, 0)",
        },
    ),
)
