"""The columns of metrics_rollup: how each is made from pieces of telemetry, and how it merges.

A piece is the part of a telemetry row that lies in one price segment of one slot. In `from_pieces`, `sec` is
its length in seconds, `pence` the price there (null where there is none), `is_start` says that the row's
interval begins in it, and the other names are those of the telemetry row.
"""

from dataclasses import dataclass

JOULES_PER_KWH = 3_600_000


@dataclass(frozen=True, slots=True)
class Column:
    """One stored quantity. `merge` is SUM, MIN or MAX."""

    name: str
    merge: str
    from_pieces: str


def _sum(name: str, value: str, where: str = "") -> Column:
    return Column(name, "SUM", f"SUM({value})" + (f" FILTER (WHERE {where})" if where else ""))


HAS_POWER = "power_w IS NOT NULL"
HAS_PRICE = "power_w IS NOT NULL AND pence IS NOT NULL"
HAS_BOTH = "power_w IS NOT NULL AND hashrate_ghs IS NOT NULL"
HAS_SHARES = "accepted IS NOT NULL OR rejected IS NOT NULL"

COLUMNS = (
    Column("records", "SUM", "COUNT(*) FILTER (WHERE is_start)"),
    _sum("covered_s", "sec"),
    _sum("power_s", "sec", HAS_POWER),
    _sum("energy_j", "power_w * sec"),
    _sum("priced_s", "sec", HAS_PRICE),
    _sum("priced_j", "power_w * sec", HAS_PRICE),
    _sum("cost_pence", f"power_w * sec * pence / {JOULES_PER_KWH}.0"),
    _sum("hashrate_s", "sec", "hashrate_ghs IS NOT NULL"),
    _sum("hashes_gh", "hashrate_ghs * sec"),
    _sum("hashrate_ghs2_s", "hashrate_ghs * hashrate_ghs * sec"),
    _sum("hashing_s", "sec", "hashrate_ghs > 0"),
    _sum("both_s", "sec", HAS_BOTH),
    _sum("both_j", "power_w * sec", HAS_BOTH),
    _sum("both_gh", "hashrate_ghs * sec", HAS_BOTH),
    _sum("temperature_s", "sec", "temperature_c IS NOT NULL"),
    _sum("temperature_c_s", "temperature_c * sec"),
    _sum("shares_s", "sec", HAS_SHARES),
    _sum("accepted", "accepted", "is_start"),
    _sum("rejected", "rejected", "is_start"),
    Column("hashrate_min_ghs", "MIN", "MIN(hashrate_ghs)"),
    Column("hashrate_max_ghs", "MAX", "MAX(hashrate_ghs)"),
    Column("temperature_min_c", "MIN", "MIN(temperature_c)"),
    Column("temperature_max_c", "MAX", "MAX(temperature_c)"),
)
"""What telemetry alone makes. Expected coins and revenue are added by what knows difficulty and prices."""

LATER_COLUMNS = (
    Column("expected_s", "SUM", "NULL::bigint"),
    Column("expected_btc", "SUM", "NULL::double precision"),
    Column("revenue_pence", "SUM", "NULL::double precision"),
)

ALL_COLUMNS = COLUMNS + LATER_COLUMNS

NAMES = ", ".join(c.name for c in ALL_COLUMNS)
FROM_PIECES = ",\n    ".join(f"{c.from_pieces} AS {c.name}" for c in ALL_COLUMNS)
MERGED = ",\n    ".join(f"{c.merge}(part.{c.name}) AS {c.name}" for c in ALL_COLUMNS)

AT_ONE_PRICE = {
    "priced_s": "CASE WHEN seg.pence IS NOT NULL THEN part.power_s END",
    "priced_j": "CASE WHEN seg.pence IS NOT NULL THEN part.energy_j END",
    "cost_pence": f"part.energy_j * seg.pence / {JOULES_PER_KWH}.0",
}
"""What depends on the price, for a slot `part` that has the one price `seg.pence` all along."""

UNPRICED = tuple(c for c in COLUMNS if c.name not in AT_ONE_PRICE)
UNPRICED_FROM_PIECES = ",\n    ".join(f"{c.from_pieces} AS {c.name}" for c in UNPRICED)
UNPRICED_MERGED = ",\n    ".join(f"{c.merge}(part.{c.name}) AS {c.name}" for c in UNPRICED)
PRICED = ",\n    ".join(
    f"{AT_ONE_PRICE.get(c.name) or (f'part.{c.name}' if c in UNPRICED else c.from_pieces)} AS {c.name}"
    for c in ALL_COLUMNS
)
