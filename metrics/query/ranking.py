"""The miners that did best or worst in a range, by any figure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, TypedDict, Unpack

from django.utils import timezone

from metrics.query.aggregate import stretches_of
from metrics.query.keys import numeric_key
from metrics.query.merge import Figure, Tail, merged
from metrics.query.merge_parts import Whom
from metrics.query.prepared import prepared_state
from metrics.query.words import Refused, check_type_of, check_words
from miners.models import Miner

MOST_RANKED = 1000


@dataclass(frozen=True, slots=True)
class Ranked:
    """A miner's place by one key of a metric over [start, end), counted from 1; its value null where there is none."""

    rank: int
    miner_id: int
    miner_name: str
    value: float | None
    figure: Figure


class Ranking(TypedDict):
    """What miners are ranked by: a key of a metric over the buckets of `period` that begin in [start, end)."""

    metric_type: str
    key: str
    period: str
    start: datetime
    end: datetime
    n: NotRequired[int]
    now: NotRequired[datetime | None]


def top_miners(**ranking: Unpack[Ranking]) -> list[Ranked]:
    """Return the `n` miners (1 to 1000; 10 unless given) with the greatest figure of `key`, the greatest first.

    The range is merged miner by miner from the sums of the store; every miner that has data there is ranked,
    retired ones too. A miner without that figure comes last, and those with the same come in order of their ids.
    Two queries more than the preparing. Raises UnknownWord for a word or key that there is not, Refused for
    another `n`, and NotComputedYet.
    """
    return _ranked("DESC", **ranking)


def bottom_miners(**ranking: Unpack[Ranking]) -> list[Ranked]:
    """Return the `n` miners with the least figure of `key` over the range, the least first; else as `top_miners`."""
    return _ranked("ASC", **ranking)


def _ranked(
    order: str,
    *,
    metric_type: str,
    key: str,
    period: str,
    start: datetime,
    end: datetime,
    n: int = 10,
    now: datetime | None = None,
) -> list[Ranked]:
    now = now or timezone.now()
    check_type_of("miner", metric_type)
    check_words(metric_type, period, "miner")
    numeric_key(metric_type, "miner", key)
    if not 1 <= n <= MOST_RANKED:
        raise Refused("n", f"must be 1 to {MOST_RANKED}, not {n}")
    state = prepared_state(period, start, end, now)
    stretches = stretches_of(state.cut, period, start, min(end, now), None)
    tail = Tail(
        f"ORDER BY (value_json ->> %(key)s)::float8 {order} NULLS LAST, entity_id LIMIT %(n)s",
        {"key": key, "n": n},
    )
    found = merged(metric_type, Whom("miner"), stretches, state, now, tail)
    names = dict(Miner.objects.filter(pk__in=[f.entity_id for f in found]).values_list("pk", "name"))
    return [
        Ranked(rank, figure.entity_id, names[figure.entity_id], figure.value_json[key], figure)
        for rank, figure in enumerate(found, 1)
        if figure.entity_id is not None
    ]
