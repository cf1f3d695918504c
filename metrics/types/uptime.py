"""How much of the time miners were hashing."""

from metrics.types import metric_types
from metrics.types.base import CAPACITY_S, MetricType

metric_types.register(
    "uptime",
    MetricType(
        name="uptime",
        unit="%",
        description=(
            "Seconds covered by a reading with a hashrate above zero, over the period's elapsed seconds; for a site "
            "and the system over elapsed × miner_count."
        ),
        entities=("miner", "site", "system"),
        own_s="hashrate_s",
        miner={
            "uptime": f"100.0 * coalesce(r.hashing_s, 0) / nullif({CAPACITY_S}, 0)",
            "hashing_s": "coalesce(r.hashing_s, 0)",
            "elapsed_s": "r.elapsed_s",
        },
    ),
)
