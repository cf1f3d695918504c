"""Which quantities have percentiles, and the buckets that their values fall into.

The buckets are those of DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
Relative-Error Guarantees", PVLDB 12(12), 2019). With γ = (1 + α) / (1 − α) the value v > 0 falls into bucket
k = ⌈log_γ v⌉, and 2 γ^k / (γ + 1) stands for all of (γ^(k−1), γ^k] with a relative error of at most α. Two
sketches are merged by adding what is in equal buckets, and nothing is lost by that.

What is counted in a bucket are covered seconds. The percentile q is the value v such that at least q % of the covered
seconds are ≤ v: the nearest rank, by seconds.
"""

from dataclasses import dataclass
from math import ceil, copysign, exp, log

ACCURACY = 0.008
"""α: the greatest relative error of a percentile."""

GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LN_GAMMA = log(GAMMA)

LEAST = 1e-9
"""What is nearer to zero counts as zero."""

SHIFT = 1300
"""Added to k, so that keys of positive values are positive and a negative value has the key of its mirror image
below zero: the order of the keys is that of the values."""

PERCENTS = (50, 95, 99)

QUANTITY_STEP = 65536
ZERO = QUANTITY_STEP // 2
"""A stored bucket is quantity × QUANTITY_STEP + ZERO + key, so that one array holds all quantities."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that has percentiles; `column` is that of telemetry. Its number is never given to another."""

    number: int
    name: str
    column: str
    unit: str

    @property
    def percentiles(self) -> dict[str, str]:
        """Return p50 → the column of metrics_rollup that holds it."""
        return {f"p{percent}": f"{self.name}_p{percent}_{self.unit}" for percent in PERCENTS}

    @property
    def formulas(self) -> dict[str, str]:
        """Return p50 → its SQL expression over a rollup row `r`; null for slots, which have no sketch."""
        return {key: f"r.{column}" for key, column in self.percentiles.items()}


HASHRATE = Quantity(0, "hashrate", "hashrate_ghs", "ghs")
TEMPERATURE = Quantity(1, "temperature", "temperature_c", "c")
QUANTITIES = (HASHRATE, TEMPERATURE)

COLUMNS = tuple(column for quantity in QUANTITIES for column in quantity.percentiles.values())
"""The columns of metrics_rollup and metrics_sketch that hold percentiles."""

NAMES = ", ".join(COLUMNS)
NO_PERCENTILES = ", ".join(f"NULL::real AS {column}" for column in COLUMNS)


def without_percentiles(value_json: str) -> str:
    """Return the SQL expression of a `value_json` that lacks the keys of percentiles, for rows that have none."""
    return f"(({value_json}) - '{{{','.join(f'p{percent}' for percent in PERCENTS)}}}'::text[])"


def key_of(value: float) -> int:
    """Return the key of the bucket that `value` falls into."""
    if abs(value) <= LEAST:
        return 0
    return int(copysign(ceil(log(abs(value)) / LN_GAMMA) + SHIFT, value))


def estimate(key: int) -> float:
    """Return the value that stands for the bucket `key`."""
    return copysign(2 * exp((abs(key) - SHIFT) * LN_GAMMA) / (GAMMA + 1), key) if key else 0.0


def bucket_sql(quantity: Quantity) -> str:
    """Return the SQL expression of the bucket that the quantity of a telemetry row `t` falls into, null for null."""
    value, middle = f"t.{quantity.column}", quantity.number * QUANTITY_STEP + ZERO
    return f"""CASE WHEN {value} > {LEAST} THEN {middle + SHIFT} + ceil(ln({value}) * {1 / LN_GAMMA})::int
        WHEN {value} < -{LEAST} THEN {middle - SHIFT} - ceil(ln(-{value}) * {1 / LN_GAMMA})::int
        WHEN {value} IS NOT NULL THEN {middle} END"""


def estimate_sql(bucket: str) -> str:
    """Return the SQL expression of the value that stands for a stored bucket."""
    key = f"(({bucket} & {QUANTITY_STEP - 1}) - {ZERO})"
    scale = f"exp((abs({key}) - {SHIFT}) * {LN_GAMMA}::float8)"
    return f"(sign({key}) * {scale} * {2 / (GAMMA + 1)}::float8)::real"
