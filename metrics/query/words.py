"""The words a question is put in, checked: what is unknown is named, with what there is."""

from collections.abc import Sequence

from hmm.lib.buckets import PERIODS
from metrics.types import metric_types


class Refused(ValueError):
    """A question that cannot be answered as it was put. `field` names the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownWord(Refused):
    """A metric type, period, entity type or key that there is not."""

    def __init__(self, field: str, value: str, known: Sequence[str], of: str = "") -> None:
        unknown = f"is unknown of {of}" if of else "is unknown"
        super().__init__(field, f"{value!r} {unknown}; there are: {', '.join(known) or 'none yet'}")


def check_words(metric_type: str, period: str, entity_type: str | None) -> None:
    """Raise UnknownWord unless there is such a type, period and, where one is given, entity of that type."""
    check_type(metric_type)
    check_word("period", period, PERIODS)
    if entity_type is not None:
        check_word("entity_type", entity_type, metric_types[metric_type].entities, of=metric_type)


def check_type(metric_type: str) -> None:
    """Raise UnknownWord unless there is such a metric type."""
    check_word("type", metric_type, metric_types.names())


def check_type_of(entity_type: str, metric_type: str) -> None:
    """Raise UnknownWord unless there is such a metric type, and entities of that type have it."""
    check_type(metric_type)
    known = [name for name in metric_types.names() if entity_type in metric_types[name].entities]
    check_word("type", metric_type, known, of=f"a {entity_type}")


def check_word(field: str, value: str, known: Sequence[str], of: str = "") -> None:
    """Raise UnknownWord unless `value` is one of `known`, which are all, or all that `of` has."""
    if value not in known:
        raise UnknownWord(field, value, known, of)
