"""How well a pool can be worked with: 100 points for one that always answers, quickly, and rejects next to nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.store.pool_columns import REACHED, RESPONSE_MS, RESPONSES
from metrics.types import metric_types
from metrics.types.base import MetricType

REACHABLE = f"{REACHED.of_row} / nullif(r.records, 0)"
RESPONSE = f"{RESPONSE_MS.of_row} / nullif({RESPONSES.of_row}, 0)"
REJECTS = (
    "100.0 * coalesce(r.rejected, 0)::float8 / nullif(coalesce(r.accepted, 0) + coalesce(r.rejected, 0), 0)"
)

REACHABLE_POINTS = 40
LATENCY_BANDS_MS = ((50, 30), (150, 20), (300, 10))
REJECT_BANDS_PERCENT = ((1, 30), (3, 20), (5, 10))
"""Below the first figure of a pair there are the second one's points; above all of them none."""

WITHOUT_REJECTS = 70
"""The points there are for a pool that does not say what it rejects; they count as 100."""


@dataclass(frozen=True, slots=True)
class HealthParts:
    """The points that make a pool's health; None for rejects that the pool does not tell."""

    reachable: float
    latency: int
    rejects: int | None


def health_parts(figures: Mapping[str, Any]) -> HealthParts | None:
    """Return the points of a `pool_health` value; None where there was no check."""
    reachable, rejects = figures["reachable"], figures["reject_rate"]
    if reachable is None:
        return None
    return HealthParts(
        REACHABLE_POINTS * reachable,
        points(figures["response_time_ms"], LATENCY_BANDS_MS),
        None if rejects is None else points(rejects, REJECT_BANDS_PERCENT),
    )


def points(value: float | None, bands: Sequence[tuple[int, int]]) -> int:
    """Return the points of `value` in these bands; none where it is not known."""
    return next((given for below, given in bands if value is not None and value < below), 0)


def _points_sql(value: str, bands: Sequence[tuple[int, int]]) -> str:
    return f"CASE {' '.join(f'WHEN {value} < {below} THEN {given}' for below, given in bands)} ELSE 0 END"


POINTS = f"{REACHABLE_POINTS} * {REACHABLE} + {_points_sql(RESPONSE, LATENCY_BANDS_MS)}"
REJECT_POINTS = _points_sql(REJECTS, REJECT_BANDS_PERCENT)

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
            "health_score": f"CASE WHEN {REJECTS} IS NULL THEN ({POINTS}) * 100.0 / {WITHOUT_REJECTS} ELSE {POINTS} + {REJECT_POINTS} END",
            "response_time_ms": RESPONSE,
            "reject_rate": REJECTS,
            "reachable": REACHABLE,
        },
    ),
)
