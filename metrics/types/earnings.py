"""What the work done could expect to earn, what its energy cost, and what is left.

A hash solves a block with the probability 1 / (difficulty × 2^32), and a block pays the subsidy, so that hashes expect
hashes × subsidy / (difficulty × 2^32) bitcoins. Source: M. Rosenfeld, "Analysis of Bitcoin Pooled Mining Reward
Systems" (2011), section 1.1: a miner of hashrate h finds h·t / (2^32·D) blocks in the time t on average. Difficulty,
subsidy and price are those of each slot. Fees of transactions and of pools are left out.
"""

from metrics.types import metric_types
from metrics.types.base import MetricType

REVENUE = "r.revenue_pence"
IS_PRICED = "r.revenue_s >= r.hashrate_s"
IS_PAID = "r.priced_s >= r.power_s"
# Revenue and energy of the readings that have both hashrate and power.
PER_KWH = f"{REVENUE} * (r.both_gh / nullif(r.hashes_gh, 0)) / nullif(r.both_j / 3600000, 0)"

metric_types.register(
    "earnings",
    MetricType(
        name="earnings",
        unit="BTC",
        description=(
            "An expectation, whatever the pool: hashes × subsidy / (difficulty × 2^32) bitcoins, at the difficulty and the "
            "price of each slot, without fees. A pool that shares its rewards pays about that, less its fee; who mines solo "
            "gets it on average over years, and mostly nothing. Where the difficulty is not known the work counts for "
            "nothing here, and coverage says so; revenue needs the price too. Profit is null unless all the work has a "
            "revenue and all the energy a price; the break-even price is the revenue over the kWh: electricity that is "
            "dearer costs more than the work earns."
        ),
        entities=("miner", "system"),
        own_s="expected_s",
        miner={
            "btc": "r.expected_btc",
            "revenue_{money}": f"{REVENUE} / 100",
            "cost_{money}": "r.cost_pence / 100",
            "profit_{money}": f"CASE WHEN {IS_PRICED} AND {IS_PAID} THEN ({REVENUE} - r.cost_pence) / 100 END",
            "break_even_{minor}": f"CASE WHEN {IS_PRICED} THEN {PER_KWH} END",
            "basis": "'expectation'",
        },
    ),
)
