"""Energy used and what it cost, priced piece by piece at the price of its moment."""

from metrics.types import metric_types
from metrics.types.base import MetricType

KWH = "(r.energy_j / 3600000)"
COST = "(r.cost_pence / 100)"
AVERAGE_PRICE = "r.cost_pence / nullif(r.priced_j / 3600000, 0)"
PRICED_KWH = "CASE WHEN r.power_s > 0 THEN coalesce(r.priced_j, 0) / 3600000 END"

metric_types.register(
    "energy_cost",
    MetricType(
        name="energy_cost",
        unit="kWh",
        description=(
            "Energy is power integrated over the seconds that readings cover. Cost is that energy at the price of "
            "each slot. Energy without a known price counts in kWh, not in the cost; the average price is the cost "
            "over the kWh that have one. The standing charge is spread evenly over the local day and not in the cost."
        ),
        entities=("miner", "site", "system"),
        own_s="power_s",
        miner={
            "kwh": KWH,
            "cost_{money}": COST,
            "avg_price_{minor}": AVERAGE_PRICE,
            "priced_kwh": PRICED_KWH,
        },
        fleet={
            "total_kwh": KWH,
            "total_cost_{money}": COST,
            "avg_price_{minor}": AVERAGE_PRICE,
            "priced_kwh": PRICED_KWH,
            "miner_count": "r.miner_count",
            "avg_cost_per_miner": f"{COST} / nullif(r.miner_count, 0)",
            "standing_charge_{money}": "r.standing_pence / 100",
        },
    ),
)
