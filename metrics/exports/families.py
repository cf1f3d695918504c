"""What a key of a metric is called in Prometheus, and in which unit: pure."""

import re
from dataclasses import dataclass

from metrics.types.base import MINOR

TAKEN_ENDINGS = ("total", "count", "sum", "bucket", "info", "created")
"""Endings that mean something else there than in a key."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of Prometheus; figures are multiplied by 10 to the `exponent` to be in it."""

    name: str
    exponent: int = 0


RATIO, PERCENT = Unit("ratio"), Unit("ratio", -2)

OF_TYPE = {
    "GH/s": Unit("hashes_per_second", 9),
    "C": Unit("celsius"),
    "W": Unit("watts"),
    "%": PERCENT,
    "J/TH": Unit("joules_per_terahash"),
    "rpm": Unit("rpm"),
}
"""By the unit of a metric type: what its plain figures, such as an average, are in."""

PLAIN = {"avg", "min", "max"}
"""Keys in the unit of their type, beside percentiles and those that repeat the type's name."""

OF_KEY = {
    "coverage": RATIO,
    "reachable": RATIO,
    "stability": PERCENT,
    "reject_rate": PERCENT,
    "j_per_th": Unit("joules_per_terahash"),
}

OF_ENDING = {"kwh": Unit("kwh"), "s": Unit("seconds"), "ms": Unit("seconds", -3), "btc": Unit("btc")}


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its name, which ends in its unit where it has one, and the exponent of its figures."""

    name: str
    unit: str
    exponent: int


def family_of(metric_type: str, type_unit: str, key: str, currency: str) -> Family:
    """Return the family of `key` of a metric type whose unit is `type_unit`.

    Units are base units: hashes per second, seconds, a ratio for per cent. Energy stays in kWh and money in
    its own unit, as electricity is metered and billed.
    """
    unit, stem = _unit_and_stem(metric_type, type_unit, key, currency)
    repeats = stem == metric_type or metric_type.endswith(f"_{stem}")
    name = "_".join(filter(None, ("hmm", metric_type, "" if repeats else stem, unit.name)))
    return Family(_without_taken_ending(name), unit.name, unit.exponent)


def _unit_and_stem(metric_type: str, type_unit: str, key: str, currency: str) -> tuple[Unit, str]:
    """Return the unit of a key, and the key without the unit's own word."""
    if key in OF_KEY:
        return OF_KEY[key], "" if key == "j_per_th" else key
    if key in PLAIN or key == metric_type or re.fullmatch(r"p\d+", key):
        return OF_TYPE.get(type_unit, Unit("")), key
    stem, _, ending = key.rpartition("_")
    if ending in (currency.lower(), MINOR[currency]):
        return Unit(ending), stem
    return (OF_ENDING[ending], stem) if ending in OF_ENDING else (Unit(""), key)


def _without_taken_ending(name: str) -> str:
    stem, _, ending = name.rpartition("_")
    if ending == "count":
        return f"{stem}s"
    return f"{name}_value" if ending in TAKEN_ENDINGS else name
