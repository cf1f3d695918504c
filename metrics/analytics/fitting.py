"""What there can be: another view, range or entity of what is asked, made to fit so that it is never refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from metrics.analytics.asked import (
    MOST_DAYS,
    OF_ENERGY,
    SKETCHED,
    USUAL_DAYS,
    Asked,
    fitting_periods,
    has_key,
)
from metrics.analytics.whom import ALL_MINERS
from metrics.figure_words import title_of
from metrics.query import Kind, TypeDescription, described_types
from metrics.sketches.quantities import QUANTITIES

USUAL = ("hashrate", "avg")
"""A figure that every view has, of all miners."""

Choices = list[tuple[str, list[tuple[str, str]]]]
"""Groups of figures: the address of each, and what it is called."""


def fitted(asked: Asked, currency: str) -> Asked:
    """Return what is nearest to `asked` and can be: another figure, of all miners, a shorter range, another period."""
    return _with_a_period(_with_a_range(_with_an_entity(_with_a_figure(asked, currency), currency)))


def figures(asked: Asked, currency: str) -> Choices:
    """Return the figures that the view can be of, of all that it is of; none where it is of energy alone."""
    if asked.view in OF_ENERGY:
        return []
    if asked.view == "distribution":
        return [("Readings", [(f"{q.name}.avg", title_of(q.name, "avg", currency)) for q in QUANTITIES])]
    return _figures_of(tuple(asked.kinds), currency)


def kinds_of_view(asked: Asked, currency: str) -> list[str]:
    """Return which kinds of entity have the figure that is shown."""
    return [kind for kind in KINDS if has_key(asked.figure, kind, currency)]


KINDS = ("system", "site", "miner", "pool")


@lru_cache(maxsize=64)
def _figures_of(kinds: tuple[str, ...], currency: str) -> Choices:
    groups = (
        (described.name.replace("_", " ").capitalize(), list(_keys(described, kinds, currency)))
        for described in described_types()
    )
    return [(title, keys) for title, keys in groups if keys]


def _keys(described: TypeDescription, kinds: Sequence[str], currency: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of numbers that all these kinds have, each once: by the name it has for the type's first kind."""
    first = described.entities[0]
    for key in described.keys:
        figure = (described.name, key.key)
        has_another_name = first not in key.formula and has_key(figure, first, currency)
        if key.kind is Kind.WORD or key.key == "elapsed_s" or has_another_name:
            continue
        if all(has_key(figure, kind, currency) for kind in kinds):
            yield f"{described.name}.{key.key}", title_of(described.name, key.key, currency)


def _with_a_figure(asked: Asked, currency: str) -> Asked:
    needs_sketches = asked.view == "distribution" and asked.metric_type not in SKETCHED
    of_no_miner = asked.view == "ranking" and not has_key(asked.figure, "miner", currency)
    return _with(asked, USUAL) if needs_sketches or of_no_miner else asked


def _with_an_entity(asked: Asked, currency: str) -> Asked:
    if asked.view == "ranking":
        return asked
    whom = tuple(each for each in asked.whom if has_key(asked.figure, each.entity_type, currency))
    if whom:
        return replace(asked, whom=whom)
    asked = replace(asked, whom=(ALL_MINERS,))
    return asked if has_key(asked.figure, "system", currency) else _with(asked, USUAL)


def _with_a_range(asked: Asked) -> Asked:
    if asked.days < 1:
        return replace(asked, first=asked.last - timedelta(days=USUAL_DAYS - 1))
    if asked.view != "series" and asked.days > MOST_DAYS:
        return replace(asked, first=asked.last - timedelta(days=MOST_DAYS - 1))
    return asked


def _with_a_period(asked: Asked) -> Asked:
    if asked.view != "series" or asked.period in (periods := fitting_periods(asked)):
        return asked
    if periods:
        return replace(asked, period="daily" if "daily" in periods else periods[0])
    return _with_a_period(
        replace(asked, whom=asked.whom[:1], first=asked.last - timedelta(days=MOST_DAYS - 1))
    )


def _with(asked: Asked, figure: tuple[str, str]) -> Asked:
    return replace(asked, metric_type=figure[0], key=figure[1])
