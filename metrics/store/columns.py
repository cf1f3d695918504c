"""The columns of metrics_rollup: how each is made from telemetry, and how it merges.

A piece is the part of a telemetry row that lies in one slot, or in one price segment of one. Pieces of the same slot
that tell the same quantities are gathered first, by the plain aggregates of GATHERED; a column is made from what is
gathered. In `from_gathered`, `mask` says what the pieces tell, `pence` is the price there, `btc_per_gh` and
`pence_per_btc` what hashes were worth in the slot (null where there is none).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from metrics.types import metric_types
from metrics.types.base import distinct_extras

JOULES_PER_KWH = 3_600_000

POWER, HASHRATE, HASHING, TEMPERATURE, SHARES, BEGINS = (1 << n for n in range(6))
MASKS = 1 << 6

# A row that tells everything, as most do, is found at once.
MASK = f"""
CASE
    WHEN power_w IS NOT NULL AND hashrate_ghs > 0 AND temperature_c IS NOT NULL AND accepted IS NOT NULL AND begins
    THEN {MASKS - 1}
    ELSE CASE WHEN power_w IS NULL THEN 0 ELSE {POWER} END
        + CASE WHEN hashrate_ghs IS NULL THEN 0 WHEN hashrate_ghs > 0 THEN {HASHRATE | HASHING} ELSE {HASHRATE} END
        + CASE WHEN temperature_c IS NULL THEN 0 ELSE {TEMPERATURE} END
        + CASE WHEN accepted IS NULL AND rejected IS NULL THEN 0 ELSE {SHARES} END
        + CASE WHEN begins THEN {BEGINS} ELSE 0 END
END
"""
"""What a piece tells, as one number: grouping by it saves testing each of its quantities for each sum."""

SUMS = """
count(*) AS pieces, sum(sec) AS sec, sum(power_w * sec) AS power_ws, sum(hashrate_ghs * sec) AS hashrate_gh,
sum(hashrate_ghs * hashrate_ghs * sec) AS hashrate_ghs2_s, sum(temperature_c * sec) AS temperature_cs,
sum(accepted) AS accepted, sum(rejected) AS rejected, min(hashrate_ghs) AS hashrate_min, max(hashrate_ghs) AS hashrate_max,
min(temperature_c) AS temperature_min, max(temperature_c) AS temperature_max"""


@dataclass(frozen=True, slots=True)
class Column:
    """One stored quantity. `merge` is SUM, MIN or MAX."""

    name: str
    merge: str
    from_gathered: str

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number: seconds, rows or shares."""
        return "::bigint" in self.from_gathered


def _sum(name: str, value: str, mask: int = 0, *, having: str = "") -> Column:
    told = [f"mask & {mask} = {mask}"] if mask else []
    where = " AND ".join([*told, *([f"{having} IS NOT NULL"] if having else [])])
    return Column(name, "SUM", f"SUM({value})" + (f" FILTER (WHERE {where})" if where else ""))


def _count(name: str, value: str, mask: int = 0, *, having: str = "") -> Column:
    return Column(name, "SUM", f"({_sum(name, value, mask, having=having).from_gathered})::bigint")


COLUMNS = (
    Column("records", "SUM", f"coalesce({_count('', 'pieces', BEGINS).from_gathered}, 0)"),
    _count("covered_s", "sec"),
    _count("power_s", "sec", POWER),
    _sum("energy_j", "power_ws"),
    _count("priced_s", "sec", POWER, having="pence"),
    _sum("priced_j", "power_ws", having="pence"),
    _sum("cost_pence", f"power_ws * pence / {JOULES_PER_KWH}.0"),
    _count("hashrate_s", "sec", HASHRATE),
    _sum("hashes_gh", "hashrate_gh"),
    _sum("hashrate_ghs2_s", "hashrate_ghs2_s"),
    _count("hashing_s", "sec", HASHING),
    _count("both_s", "sec", POWER | HASHRATE),
    _sum("both_j", "power_ws", POWER | HASHRATE),
    _sum("both_gh", "hashrate_gh", POWER | HASHRATE),
    _count("temperature_s", "sec", TEMPERATURE),
    _sum("temperature_c_s", "temperature_cs"),
    _count("shares_s", "sec", SHARES),
    _count("accepted", "accepted", BEGINS),
    _count("rejected", "rejected", BEGINS),
    Column("hashrate_min_ghs", "MIN", "MIN(hashrate_min)"),
    Column("hashrate_max_ghs", "MAX", "MAX(hashrate_max)"),
    Column("temperature_min_c", "MIN", "MIN(temperature_min)"),
    Column("temperature_max_c", "MAX", "MAX(temperature_max)"),
)
"""What telemetry and the prices of electricity make."""

LATER_COLUMNS = (
    _count("expected_s", "sec", HASHRATE, having="btc_per_gh"),
    _sum("expected_btc", "hashrate_gh * btc_per_gh"),
    _count("revenue_s", "sec", HASHRATE, having="btc_per_gh * pence_per_btc"),
    _sum("revenue_pence", "hashrate_gh * btc_per_gh * pence_per_btc"),
)
"""What the slot's difficulty and price make of its hashes; null where they are not known."""

ALL_COLUMNS = COLUMNS + LATER_COLUMNS

EXTRAS = distinct_extras(metric_types)
"""What registered metrics need beyond the columns; kept in the column `extras`."""


def _extras(value: str) -> str:
    """Return the SQL of `extras`, each of them merged from `value`, a template of its name; null where all are."""
    pairs = [f"'{extra.name}', {extra.merge}({value.format(extra.name)})" for extra in EXTRAS]
    if not pairs:
        return "NULL::jsonb AS extras"
    return (
        f"nullif(jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)})), jsonb_build_object()) AS extras"
    )


@dataclass(frozen=True, slots=True)
class Needed:
    """Those columns of a row that some formulas read: their names, and their sums over rows `part`."""

    names: str
    merged: str


@lru_cache(maxsize=256)
def needed_by(formulas: str) -> Needed:
    """Return what these SQL expressions over a row `r` need of its sums: fewer columns are planned and summed faster."""
    read = set(re.findall(r"\br\.(\w+)", formulas))
    columns = [column for column in ALL_COLUMNS if column.name in read]
    extras = "extras" in read
    return Needed(
        ", ".join([c.name for c in columns] + ["extras"] * extras),
        ",\n    ".join([_merge(c) for c in columns] + [MERGED_EXTRAS] * extras),
    )


def _merge(column: Column) -> str:
    # PostgreSQL sums bigint to numeric, which takes longer than all else; below 2^53 doubles are as exact.
    kind, back = ("::float8", "::bigint") if column.is_whole else ("", "")
    return f"{column.merge}(part.{column.name}{kind}){back} AS {column.name}"


MERGED_EXTRAS = _extras("(part.extras->>'{}')::float8")
NAMES = ", ".join([*(c.name for c in ALL_COLUMNS), "extras"])
TYPED_NAMES = ", ".join(
    [
        *(f"{c.name} {'bigint' if c.is_whole else 'float8'}" for c in ALL_COLUMNS),
        "extras jsonb",
    ]
)
GATHERED = ", ".join([SUMS, *(f"{extra.from_pieces} AS extra_{extra.name}" for extra in EXTRAS)])
FROM_GATHERED = ",\n    ".join(
    [*(f"{c.from_gathered} AS {c.name}" for c in ALL_COLUMNS), _extras("extra_{}")]
)
MERGED = ",\n    ".join([*map(_merge, ALL_COLUMNS), MERGED_EXTRAS])
