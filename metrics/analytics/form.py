"""The form of analytics: what was asked, word for word, what is wrong with it, and what there can be instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hmm.lib.buckets import PERIODS
from metrics.analytics.asked import (
    EARLIEST_DAY,
    MOST_ENTITIES,
    VIEWS,
    Asked,
    fitting_periods,
)
from metrics.analytics.fitting import KINDS, Choices, figures, fitted, kinds_of_view
from metrics.analytics.whom import Whom
from metrics.figure_words import title_of
from metrics.query import Refused

RANGES = (7, 30, 90, 365)
KIND_WORDS = {"system": "All miners", "site": "A site", "miner": "A miner", "pool": "A pool"}
FIELDS = {"type": "metric", "key": "metric", "miner": "of", "entity_id": "of"}
"""The field of the form for each that a refusal may name otherwise."""


@dataclass(frozen=True, slots=True)
class Link:
    """Another view, of which there can be one: its words and the query of its address."""

    words: str
    query: str
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class AnalyticsForm:
    """What the page's form shows. `first`, `last` and `whom` are as they were typed; `errors` are by field."""

    asked: Asked
    first: str
    last: str
    whom: Sequence[str]
    errors: Mapping[str, str]
    figures: Choices
    periods: Sequence[str]
    names: Sequence[str]
    views: Sequence[Link]
    kinds: Sequence[Link]
    ranges: Sequence[Link]

    @property
    def can_add(self) -> bool:
        """Whether another can be drawn beside those."""
        return self.asked.view == "series" and len(self.whom) < MOST_ENTITIES

    @property
    def is_of_each(self) -> bool:
        """Whether the view is of every miner, whoever is asked for."""
        return self.asked.view == "ranking"


def form_of(
    asked: Asked,
    given: Mapping[str, str],
    whom: Sequence[str],
    refusals: Sequence[Refused],
    names: Mapping[str, Sequence[str]],
    today: date,
    currency: str,
) -> AnalyticsForm:
    """Return the form; `names` are those that may be asked, by kind of entity."""
    offered = [name for kind in kinds_of_view(asked, currency) for name in names[kind]]
    typed = [text for text in whom if text.strip()] or [each.text for each in asked.whom]
    return AnalyticsForm(
        asked=asked,
        first=given.get("from") or asked.first.isoformat(),
        last=given.get("to") or asked.last.isoformat(),
        whom=typed if asked.view == "series" else typed[:1],
        errors={FIELDS.get(r.field, r.field): str(r) for r in reversed(refusals)},
        figures=_with_its_own(figures(asked, currency), asked, currency),
        periods=[p for p in PERIODS if p in fitting_periods(asked) or p == asked.period],
        names=offered,
        views=[_view(asked, name, currency, given) for name in VIEWS],
        kinds=_kinds(asked, names, currency),
        ranges=[_range(asked, days, today, currency) for days in RANGES],
    )


def _with_its_own(found: Choices, asked: Asked, currency: str) -> Choices:
    """Return the choices with the figure that is asked, also where there cannot be such a view of it."""
    if not found or any(value == asked.metric for _, keys in found for value, _ in keys):
        return found
    title = title_of(asked.metric_type, asked.key, currency)
    return [("As asked", [(asked.metric, title)]), *found]


def _view(asked: Asked, name: str, currency: str, given: Mapping[str, str]) -> Link:
    """Return the link to a view of the same range; where none was asked for, of that view's usual one."""
    other = fitted(replace(asked, view=name), currency)
    is_usual = not (given.get("from") or given.get("to"))
    query = other.address(**{"from": "", "to": ""}) if is_usual else other.query
    return Link(VIEWS[name], query, is_here=name == asked.view)


def _kinds(asked: Asked, names: Mapping[str, Sequence[str]], currency: str) -> list[Link]:
    """Return a link to the view of each kind of entity of which there is one; none where it is of every miner."""
    if asked.view == "ranking":
        return []
    here = asked.kinds[0] if len(asked.kinds) == 1 else ""
    links = ((kind, _of(asked, Whom(kind, None, names[kind][0]), currency)) for kind in KINDS if names[kind])
    return [Link(KIND_WORDS[kind], query, kind == here) for kind, query in links if query]


def _of(asked: Asked, whom: Whom, currency: str) -> str:
    """Return the address of the view of that one, of another figure where it has not the same; "" where it has none."""
    other = replace(asked, whom=(whom,))
    if whom.entity_type not in kinds_of_view(other, currency):
        choices = figures(other, currency)
        if asked.view == "distribution" or not choices:
            return ""
        metric_type, _, key = choices[0][1][0][0].partition(".")
        other = replace(other, metric_type=metric_type, key=key)
    return fitted(other, currency).query


def _range(asked: Asked, days: int, today: date, currency: str) -> Link:
    first = max(today - timedelta(days=days - 1), EARLIEST_DAY)
    period = "hourly" if days <= 7 else "daily"
    other = fitted(replace(asked, first=first, last=today, period=period), currency)
    return Link(f"{days} days", other.query, is_here=(first, today) == (asked.first, asked.last))
