"""What a metric type is: a projection of a rollup row to its published JSON, as one SQL expression.

The view `metrics` and the live tail use the same expression, so that a figure cannot differ between them.
Expressions read a row `r` with the columns of metrics_rollup; in them `{money}` stands for the installation's
currency in lower case and `{minor}` for its hundredth (pence, cent).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MINOR = {"GBP": "pence", "EUR": "cent", "USD": "cent"}

CAPACITY_S = "(r.elapsed_s::float8 * r.miner_count)"
"""Seconds that could have been covered: a miner row's miner_count is 1."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A quantity that no column of metrics_rollup holds; rows keep it in their `extras`.

    `merge` is SUM, MIN or MAX; `from_pieces` is the SQL aggregate that makes it from pieces of telemetry rows: `sec`
    is a piece's length in seconds, the other names are what the row told.
    """

    name: str
    merge: str
    from_pieces: str

    @property
    def of_row(self) -> str:
        """Return its SQL expression over a row `r`, for the formulas of a metric."""
        return f"(r.extras->>'{self.name}')::float8"


@dataclass(frozen=True, slots=True)
class MetricType:
    """A declared metric.

    `own_s` is the column, or the extra, with the seconds of that quantity, for coverage; `miner` maps each key to its
    SQL expression for a miner, `fleet` for a site and the system (as for a miner where empty). `extras` are what it
    needs and no column holds.
    """

    name: str
    unit: str
    description: str
    entities: tuple[str, ...]
    own_s: str
    miner: Mapping[str, str]
    fleet: Mapping[str, str] = field(default_factory=dict)
    extras: tuple[Extra, ...] = ()

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
        own = next((extra.of_row for extra in self.extras if extra.name == self.own_s), f"r.{self.own_s}")
        common = {
            "records": "r.records",
            "coverage": f"coalesce({own}, 0) / nullif({CAPACITY_S}, 0)",
        }
        return {key.format(**words): sql for key, sql in {**common, **keys}.items()}

    def _object(self, keys: Mapping[str, str], currency: str) -> str:
        pairs = [f"'{key}', {sql}" for key, sql in self._formulas(keys, currency).items()]
        return f"jsonb_build_object({', '.join(pairs)})"


def distinct_extras(metrics: Iterable[MetricType]) -> tuple[Extra, ...]:
    """Return what these metrics keep in `extras`, each once.

    Raises ValueError where two mean different things by one name.
    """
    found: dict[str, Extra] = {}
    for metric in metrics:
        for extra in metric.extras:
            if found.setdefault(extra.name, extra) != extra:
                raise ValueError(
                    f"metric {metric.name!r}: another metric has a different extra {extra.name!r}"
                )
    return tuple(found.values())
