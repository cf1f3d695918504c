"""The keys of `value_json`: which there are, and how each behaves over time, found by trying its formula out."""

import json
from enum import StrEnum
from functools import lru_cache
from math import isclose
from typing import Any

from hmm.installation import installation
from hmm.replica.route import connection
from metrics.query.words import check_word
from metrics.sketches.quantities import NO_PERCENTILES
from metrics.store.columns import ALL_COLUMNS, EXTRAS
from metrics.types import metric_types


class Kind(StrEnum):
    """How a key's figure of a longer time comes about."""

    TOTAL = "total"
    """It adds up: kWh, cost, shares, seconds."""

    MEAN = "mean"
    """A ratio of sums: an average, a share, a rate, an efficiency."""

    EXTREME = "extreme"
    """The least or the greatest of its readings."""

    WORD = "word"
    """No number."""


TRY = """
SELECT {value} FROM (VALUES (1, 1), (2, 1), (1, 2)) AS try(sums, extremes) CROSS JOIN LATERAL (
    SELECT '{entity_type}'::text AS entity_type, {columns}
) r ORDER BY try.extremes, try.sums
"""


def numeric_key(metric_type: str, entity_type: str, key: str) -> Kind:
    """Return the kind of a numeric key. Raises UnknownWord, naming those there are, where it is none."""
    kinds = kinds_of(metric_type, entity_type)
    check_word("key", key, [name for name, kind in kinds.items() if kind is not Kind.WORD])
    return kinds[key]


def kinds_of(metric_type: str, entity_type: str) -> dict[str, Kind]:
    """Return each key of that type's `value_json` for that kind of entity, `records` and `coverage` first."""
    return _kinds(metric_type, "miner" if entity_type == "miner" else "system", installation().currency)


@lru_cache(maxsize=256)
def _kinds(metric_type: str, entity_type: str, currency: str) -> dict[str, Kind]:
    """Try the formulas with some row, with all its sums doubled, and with its extremes doubled. One query."""
    sql = TRY.format(
        value=metric_types[metric_type].value_json(currency), entity_type=entity_type, columns=_columns()
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        once, twice, further = (json.loads(value) for (value,) in cursor.fetchall())
    in_order = [*metric_types[metric_type].formulas(entity_type, currency), *once]
    return {key: _kind(once[key], twice[key], further[key]) for key in dict.fromkeys(in_order)}


def _columns() -> str:
    tried = [
        f"({n} * try.{'sums' if column.merge == 'SUM' else 'extremes'})::float8 AS {column.name}"
        for n, column in enumerate(ALL_COLUMNS, 2)
    ]
    fixed = [
        "1 AS entity_id",
        "1 AS miner_count",
        "'daily'::text AS period",
        "now() AS timestamp",
        "now() AS computed_at",
        "3600 * try.sums AS elapsed_s",
        "48.0 * try.sums AS standing_pence",
        f"jsonb_build_object({_extras()}) AS extras",
        NO_PERCENTILES,
    ]
    return ", ".join([*fixed, *tried])


def _extras() -> str:
    return ", ".join(
        f"'{extra.name}', {n} * try.{'sums' if extra.merge == 'SUM' else 'extremes'}"
        for n, extra in enumerate(EXTRAS, 2)
    )


def _kind(once: Any, twice: Any, further: Any) -> Kind:
    if isinstance(once, str | bool):
        return Kind.WORD
    if once is None:
        return Kind.MEAN
    if not isclose(once, further):
        return Kind.EXTREME
    return Kind.TOTAL if isclose(twice, 2 * once) else Kind.MEAN
