"""In which order each kind of strategy cuts miners. Every order is whole and does not depend on how they came in."""

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from miners.models import StrategyKind, Tier
from miners.strategies.scores import MinerFigures, Score

TIERS = tuple(Tier)
"""Who is cut first where customers have priority."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A miner that draws power and may be cut."""

    miner: MinerFigures
    score: Score

    @property
    def power_w(self) -> float:
        """What cutting it saves."""
        return self.miner.power_w or 0.0

    @property
    def place(self) -> tuple[float, float, int]:
        """The lowest score first; of equal ones that which draws most, then that with the lowest id.

        One without a score comes last: nothing is known to judge it by.
        """
        total = self.score.total
        return (math.inf if total is None else total, -self.power_w, self.miner.miner_id)


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate in its place of the order, and why it is there."""

    candidate: Candidate
    why: str


Order = Callable[[Sequence[Candidate], float], list[Placed]]
"""What a kind of strategy is: candidates and target (W) → the order in which they are cut."""


def by_score(candidates: Sequence[Candidate], target_w: float) -> list[Placed]:
    """The lowest score first."""
    ordered = sorted(candidates, key=lambda candidate: candidate.place)
    return [Placed(candidate, _score_words(candidate)) for candidate in ordered]


def by_tier(candidates: Sequence[Candidate], target_w: float) -> list[Placed]:
    """All standard customers before the premium ones, and those before VIPs; within a tier the lowest score first."""
    ordered = sorted(candidates, key=lambda candidate: (TIERS.index(candidate.miner.tier), candidate.place))
    return [
        Placed(candidate, _score_words(candidate, f"{candidate.miner.tier.label} tier, "))
        for candidate in ordered
    ]


def by_share(candidates: Sequence[Candidate], target_w: float) -> list[Placed]:
    """Each customer gives of the target what it has of the watts that may be cut.

    Whoever is furthest behind that share gives next, its lowest score first. So nobody ends further from its share
    than one miner, and it plays no part who comes first in a list.
    """
    queues = _queues(candidates)
    shares_w = _shares_w(queues, target_w)
    furthest_behind = [(-share_w, customer) for customer, share_w in shares_w.items()]
    heapq.heapify(furthest_behind)
    placed = []
    while furthest_behind:
        ahead_w, customer = furthest_behind[0]
        candidate = queues[customer].popleft()
        placed.append(Placed(candidate, _share_words(customer, shares_w[customer], target_w)))
        if queues[customer]:
            heapq.heapreplace(furthest_behind, (ahead_w + candidate.power_w, customer))
        else:
            heapq.heappop(furthest_behind)
    return placed


ORDERS: Mapping[StrategyKind, Order] = {
    StrategyKind.PERFORMANCE_PRIORITY: by_score,
    StrategyKind.CUSTOMER_PRIORITY: by_tier,
    StrategyKind.FAIR_DISTRIBUTION: by_share,
    StrategyKind.CUSTOM: by_score,
}


def _queues(candidates: Sequence[Candidate]) -> dict[str, deque[Candidate]]:
    """Return each customer's miners, the lowest score first."""
    queues: dict[str, deque[Candidate]] = defaultdict(deque)
    for candidate in sorted(candidates, key=lambda candidate: candidate.place):
        queues[candidate.miner.customer].append(candidate)
    return dict(queues)


def _shares_w(queues: Mapping[str, Iterable[Candidate]], target_w: float) -> dict[str, float]:
    """Return how many watts of the target each customer is to give."""
    own_w = {name: math.fsum(candidate.power_w for candidate in queue) for name, queue in queues.items()}
    all_w = math.fsum(own_w.values())
    return {name: target_w * power_w / all_w for name, power_w in own_w.items()}


def _score_words(candidate: Candidate, before: str = "") -> str:
    total = candidate.score.total
    if total is None:
        return f"{before}nothing is known to judge it by: last"
    return f"{before}score {total:.1f}, lowest first"


def _share_words(customer: str, share_w: float, target_w: float) -> str:
    whose = customer or "miners without a customer"
    if not target_w:
        return f"{whose}: each gives by its share of the watts"
    return f"{whose}: to give {share_w:,.0f} W of {target_w:,.0f} W, the lowest score first"
