"""What a metric type is: a projection of a rollup row to its published JSON, as one SQL expression.

The view `metrics` and the live tail use the same expression, so that a figure cannot differ between them.
Expressions read a row `r` with the columns of metrics_rollup; in them `{money}` stands for the installation's
currency in lower case and `{minor}` for its hundredth (pence, cent).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MINOR = {"GBP": "pence", "EUR": "cent", "USD": "cent"}

CAPACITY_S = "(r.elapsed_s::float8 * r.miner_count)"
"""Seconds that could have been covered: a miner row's miner_count is 1."""


@dataclass(frozen=True, slots=True)
class MetricType:
    """A declared metric.

    `own_s` is the column with the seconds of that quantity, for coverage; `miner` maps each key to its SQL
    expression for a miner, `fleet` for a site and the system (as for a miner where empty).
    """

    name: str
    unit: str
    description: str
    entities: tuple[str, ...]
    own_s: str
    miner: Mapping[str, str]
    fleet: Mapping[str, str] = field(default_factory=dict)

    def value_json(self, currency: str) -> str:
        """Return the SQL expression of `value_json` over a row `r`."""
        miner = self._object(self.miner, currency)
        if not self.fleet:
            return miner
        fleet = self._object(self.fleet, currency)
        return f"CASE r.entity_type WHEN 'miner' THEN {miner} ELSE {fleet} END"

    def formulas(self, entity_type: str, currency: str) -> dict[str, str]:
        """Return each key of `value_json` for that kind of entity, with its SQL expression."""
        own = self.fleet if self.fleet and entity_type != "miner" else self.miner
        return self._formulas(own, currency)

    def _formulas(self, keys: Mapping[str, str], currency: str) -> dict[str, str]:
        words = {"money": currency.lower(), "minor": MINOR[currency]}
        common = {
            "records": "r.records",
            "coverage": f"coalesce(r.{self.own_s}, 0) / nullif({CAPACITY_S}, 0)",
        }
        return {key.format(**words): sql for key, sql in {**common, **keys}.items()}

    def _object(self, keys: Mapping[str, str], currency: str) -> str:
        pairs = [f"'{key}', {sql}" for key, sql in self._formulas(keys, currency).items()]
        return f"jsonb_build_object({', '.join(pairs)})"
