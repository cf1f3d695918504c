"""How well a pool can be worked with: 100 points for one that always answers, quickly, and rejects next to nothing."""

from metrics.store.pool_columns import REACHED, RESPONSE_MS, RESPONSES
from metrics.types import metric_types
from metrics.types.base import MetricType

REACHABLE = f"{REACHED.of_row} / nullif(r.records, 0)"
RESPONSE = f"{RESPONSE_MS.of_row} / nullif({RESPONSES.of_row}, 0)"
REJECTS = (
    "100.0 * coalesce(r.rejected, 0)::float8 / nullif(coalesce(r.accepted, 0) + coalesce(r.rejected, 0), 0)"
)

LATENCY_POINTS = f"CASE WHEN {RESPONSE} < 50 THEN 30 WHEN {RESPONSE} < 150 THEN 20 WHEN {RESPONSE} < 300 THEN 10 ELSE 0 END"
REJECT_POINTS = (
    f"CASE WHEN {REJECTS} < 1 THEN 30 WHEN {REJECTS} < 3 THEN 20 WHEN {REJECTS} < 5 THEN 10 ELSE 0 END"
)
POINTS = f"40 * {REACHABLE} + {LATENCY_POINTS}"

metric_types.register(
    "pool_health",
    MetricType(
        name="pool_health",
        unit="points",
        description=(
            "0 to 100: 40 × the share of checks that reached the pool; 30 for an average response below 50 ms, 20 below "
            "150 ms, 10 below 300 ms; 30 for less than 1 % of rejected work, 20 below 3 %, 10 below 5 %. Where the pool "
            "does not say what it rejects, the other 70 points count as 100. A check is a miner's handshake where the pool "
            "has a stratum address, else a question to its web address; it belongs to the period in which its interval "
            "begins."
        ),
        entities=("pool",),
        own_s="covered_s",
        miner={
            "health_score": f"CASE WHEN {REJECTS} IS NULL THEN ({POINTS}) * 100.0 / 70 ELSE {POINTS} + {REJECT_POINTS} END",
            "response_time_ms": RESPONSE,
            "reject_rate": REJECTS,
            "reachable": REACHABLE,
        },
    ),
)
