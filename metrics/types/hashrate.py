"""Hashrate: how fast, and how steady."""

from metrics.sketches.quantities import HASHRATE
from metrics.types import metric_types
from metrics.types.base import MetricType

AVERAGE = "(r.hashes_gh / nullif(r.hashrate_s, 0))"
VARIANCE = f"greatest(0, r.hashrate_ghs2_s / nullif(r.hashrate_s, 0) - {AVERAGE} * {AVERAGE})"

metric_types.register(
    "hashrate",
    MetricType(
        name="hashrate",
        unit="GH/s",
        description=(
            "A miner's average is weighted by covered seconds; stability is 100 × (1 − σ/average), from 0 to 100. A "
            "site's and the system's average is all hashes over the period's elapsed seconds. Percentiles are by covered "
            "seconds, for a site and the system over the readings of their miners; at most 0.8 % off, null for slots."
        ),
        entities=("miner", "site", "system"),
        own_s="hashrate_s",
        miner={
            "avg": AVERAGE,
            "min": "r.hashrate_min_ghs",
            "max": "r.hashrate_max_ghs",
            "unit": "'GH/s'",
            "stability": f"CASE WHEN {AVERAGE} > 0 THEN greatest(0, 100 * (1 - sqrt({VARIANCE}) / {AVERAGE})) END",
            **HASHRATE.formulas,
        },
        fleet={
            "avg": "r.hashes_gh / nullif(r.elapsed_s, 0)",
            "min": "NULL::float8",
            "max": "NULL::float8",
            "unit": "'GH/s'",
            "stability": "NULL::float8",
            **HASHRATE.formulas,
        },
    ),
)
