"""The metric types in words: what each means, for whom, and how each key comes about."""

from dataclasses import dataclass

from hmm.installation import installation
from metrics.query.keys import Kind, kinds_of
from metrics.types import metric_types
from metrics.types.base import MetricType


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A key of `value_json`: its formula, SQL over the store's columns, for each kind of entity that has it."""

    key: str
    kind: Kind
    formula: dict[str, str]


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """A metric type. `entities` are those that have it."""

    name: str
    unit: str
    description: str
    entities: tuple[str, ...]
    keys: list[KeyDescription]


def described_types() -> list[TypeDescription]:
    """Return every metric type, in the words and keys of the installation's currency, by name."""
    return [
        TypeDescription(metric.name, metric.unit, metric.description, metric.entities, _keys(metric))
        for metric in metric_types
    ]


def _keys(metric: MetricType) -> list[KeyDescription]:
    currency = installation().currency
    formulas = {entity: metric.formulas(entity, currency) for entity in metric.entities}
    kinds = {entity: kinds_of(metric.name, entity) for entity in metric.entities}
    found = dict.fromkeys(key for of_entity in kinds.values() for key in of_entity)
    return [
        KeyDescription(
            key,
            next(kinds[entity][key] for entity in metric.entities if key in kinds[entity]),
            {entity: formulas[entity][key] for entity in metric.entities if key in formulas[entity]},
        )
        for key in found
    ]
