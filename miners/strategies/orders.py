"""In which order each kind of strategy cuts miners. Every order is whole and does not depend on how they came in."""

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from miners.models import StrategyKind, Tier
from miners.strategies.scores import MinerFigures

TIERS = {tier: place for place, tier in enumerate(Tier)}
"""Who is cut first where customers have priority."""


class Candidate(NamedTuple):
    """A miner that may be cut, behind what it sorts by: the total of its score, its watts with a minus, its id.

    So the lowest score comes first; of equal ones that which draws most, then the lowest id. One without a score has an
    infinite one, and comes last: nothing is known to judge it by.
    """

    total: float
    less_w: float
    miner_id: int
    miner: MinerFigures


def candidates_of(miners: Sequence[MinerFigures], totals: Sequence[float | None]) -> list[Candidate]:
    """Return the candidates, in order."""
    # Plain tuples sort in half the time that named ones take.
    found = sorted(
        (math.inf if total is None else total, -(miner.power_w or 0.0), miner.miner_id, miner)
        for miner, total in zip(miners, totals, strict=True)
    )
    return list(map(Candidate._make, found))


@dataclass(frozen=True, slots=True)
class Ordered:
    """Candidates in the order in which they are cut, and what says why one is where it is."""

    candidates: Sequence[Candidate]
    why: Callable[[Candidate], str]


Order = Callable[[Sequence[Candidate], float], Ordered]
"""What a kind of strategy is: candidates in order and the target (W) → the order in which they are cut."""


def by_score(candidates: Sequence[Candidate], target_w: float) -> Ordered:
    """The lowest score first."""
    return Ordered(candidates, _score_words)


def by_tier(candidates: Sequence[Candidate], target_w: float) -> Ordered:
    """All standard customers before the premium ones, and those before VIPs; within a tier the lowest score first."""
    ordered = sorted(candidates, key=lambda candidate: TIERS[candidate.miner.tier])
    return Ordered(ordered, lambda candidate: _score_words(candidate, f"{candidate.miner.tier.label} tier, "))


def by_share(candidates: Sequence[Candidate], target_w: float) -> Ordered:
    """Each customer gives of the target what it has of the watts that may be cut.

    Whoever is furthest behind that share gives next, its lowest score first. So nobody ends further from its share
    than one miner, and it plays no part who comes first in a list.
    """
    queues = _queues(candidates)
    shares_w = _shares_w(queues, target_w)
    furthest_behind = [(-share_w, customer) for customer, share_w in shares_w.items()]
    heapq.heapify(furthest_behind)
    ordered = []
    while furthest_behind:
        ahead_w, customer = furthest_behind[0]
        candidate = queues[customer].popleft()
        ordered.append(candidate)
        if queues[customer]:
            heapq.heapreplace(furthest_behind, (ahead_w - candidate.less_w, customer))
        else:
            heapq.heappop(furthest_behind)
    return Ordered(ordered, lambda candidate: _share_words(candidate.miner.customer, shares_w, target_w))


ORDERS: Mapping[StrategyKind, Order] = {
    StrategyKind.PERFORMANCE_PRIORITY: by_score,
    StrategyKind.CUSTOMER_PRIORITY: by_tier,
    StrategyKind.FAIR_DISTRIBUTION: by_share,
    StrategyKind.CUSTOM: by_score,
}


def _queues(candidates: Sequence[Candidate]) -> dict[str, deque[Candidate]]:
    """Return each customer's miners, the lowest score first."""
    queues: dict[str, deque[Candidate]] = defaultdict(deque)
    for candidate in candidates:
        queues[candidate.miner.customer].append(candidate)
    return dict(queues)


def _shares_w(queues: Mapping[str, Iterable[Candidate]], target_w: float) -> dict[str, float]:
    """Return how many watts of the target each customer is to give."""
    own_w = {name: -math.fsum([less_w for _, less_w, _, _ in queue]) for name, queue in queues.items()}
    all_w = math.fsum(own_w.values())
    return {name: target_w * power_w / all_w for name, power_w in own_w.items()}


def _score_words(candidate: Candidate, before: str = "") -> str:
    total = candidate.total
    if math.isinf(total):
        return f"{before}nothing is known to judge it by: last"
    return f"{before}score {total:.1f}, lowest first"


def _share_words(customer: str, shares_w: Mapping[str, float], target_w: float) -> str:
    whose = customer or "miners without a customer"
    if not target_w:
        return f"{whose}: each gives by its share of the watts"
    return f"{whose}: to give {shares_w[customer]:,.0f} W of {target_w:,.0f} W, the lowest score first"
