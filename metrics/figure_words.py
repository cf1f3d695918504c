"""What a key of a metric is called on a page, and its figure in words with its unit."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from metrics.templatetags.hmm_format import SYMBOLS, decimal, energy, hashrate, money, percent
from metrics.types.base import MINOR

TITLES = {
    "kwh": "Energy",
    "total_kwh": "Energy",
    "priced_kwh": "Energy with a price",
    "cost_money": "Cost",
    "total_cost_money": "Cost",
    "avg_price_minor": "Average price",
    "miner_count": "Miners",
    "avg_cost_per_miner": "Cost per miner",
    "standing_charge_money": "Standing charge",
    "btc": "Expected bitcoins",
    "revenue_money": "Expected earnings",
    "profit_money": "Profit",
    "break_even_minor": "Break-even price",
    "j_per_th": "Efficiency",
    "uptime": "Uptime",
    "hashing_s": "Time hashing",
    "elapsed_s": "Time",
    "accepted": "Accepted shares",
    "rejected": "Rejected shares",
    "reject_rate": "Reject rate",
    "stability": "Steadiness of hashrate",
    "health_score": "Health",
    "response_time_ms": "Response time",
    "reachable": "Checks that reached it",
    "records": "Readings",
    "coverage": "Measured",
}
"""Keys that say by themselves what they are; `money` and `minor` stand for the currency's."""

OF_A_QUANTITY = {
    "avg": "{}",
    "min": "Lowest {}",
    "max": "Highest {}",
    "p50": "Median {}",
    "p95": "95 % of {} is below",
    "p99": "99 % of {} is below",
}
QUANTITIES = {"hashrate": "hashrate", "temperature": "temperature"}


@dataclass(frozen=True, slots=True)
class Unit:
    """How a figure is drawn: times `factor` it is in `text`, with so many decimals."""

    text: str
    factor: float = 1.0
    digits: int = 1


def title_of(metric_type: str, key: str, currency: str) -> str:
    """Return what a key is called: Cost, Median temperature; one that nothing is known of as it is written."""
    quantity = QUANTITIES.get(metric_type)
    if quantity and key in OF_A_QUANTITY:
        words = OF_A_QUANTITY[key].format(quantity)
        return words[0].upper() + words[1:]
    return TITLES.get(_plain(key, currency), key.replace("_", " ").capitalize())


@lru_cache(maxsize=512)
def unit_of(metric_type: str, key: str, currency: str) -> Unit:
    """Return how the figure is drawn."""
    whole, hundredth = SYMBOLS[currency]
    plain = _plain(key, currency)
    if plain.endswith("_money") or plain == "avg_cost_per_miner":
        return Unit(whole, digits=2)
    if plain.endswith("_minor"):
        return Unit(hundredth, digits=1)
    if metric_type in QUANTITIES and key in OF_A_QUANTITY:
        return Unit("TH/s", 0.001, 2) if metric_type == "hashrate" else Unit("°C")
    return UNITS.get(key, Unit(""))


UNITS = {
    "kwh": Unit("kWh", digits=2),
    "total_kwh": Unit("kWh", digits=2),
    "priced_kwh": Unit("kWh", digits=2),
    "btc": Unit("BTC", digits=8),
    "j_per_th": Unit("J/TH"),
    "uptime": Unit("%"),
    "hashing_s": Unit("h", 1 / 3600),
    "elapsed_s": Unit("h", 1 / 3600),
    "reject_rate": Unit("%", digits=2),
    "stability": Unit("%"),
    "response_time_ms": Unit("ms", digits=0),
    "reachable": Unit("%", 100),
    "coverage": Unit("%", 100),
    "records": Unit("", digits=0),
    "accepted": Unit("", digits=0),
    "rejected": Unit("", digits=0),
    "miner_count": Unit("", digits=0),
}


def in_words(metric_type: str, key: str, value: Any, currency: str) -> str:
    """Return a figure with its unit: 0.18 p, 1.21 TH/s, 99.1 %; "–" for null."""
    if isinstance(value, str):
        return value
    unit = unit_of(metric_type, key, currency)
    if value is not None and unit.text == SYMBOLS[currency][0]:
        return money(value, currency)
    if key.endswith("kwh"):
        return energy(value)
    if unit.text == "TH/s":
        return hashrate(value)
    if key == "coverage":
        return percent(value)
    shown = decimal(None if value is None else value * unit.factor, unit.digits)
    return f"{shown} {unit.text}".rstrip() if value is not None else shown


def _plain(key: str, currency: str) -> str:
    for word, plain in ((currency.lower(), "money"), (MINOR[currency], "minor")):
        if key.endswith(f"_{word}"):
            return key.removesuffix(word) + plain
    return key
