"""Temperature as the device reports it for its chips."""

from metrics.sketches.quantities import TEMPERATURE
from metrics.types import metric_types
from metrics.types.base import MetricType

metric_types.register(
    "temperature",
    MetricType(
        name="temperature",
        unit="C",
        description=(
            "The average is weighted by covered seconds; least and greatest are of the readings that overlap. "
            "Percentiles are by covered seconds, for a site and the system over the readings of their miners; at most "
            "0.8 % off, null for slots."
        ),
        entities=("miner", "site", "system"),
        own_s="temperature_s",
        miner={
            "avg": "r.temperature_c_s / nullif(r.temperature_s, 0)",
            "min": "r.temperature_min_c",
            "max": "r.temperature_max_c",
            "unit": "'C'",
            **TEMPERATURE.formulas,
        },
    ),
)
