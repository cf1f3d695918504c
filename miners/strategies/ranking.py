"""Whom a strategy would cut for a target, and why: a pure function of figures that the caller has read.

docs/strategies.md has the formulas in words.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from itertools import compress
from typing import NamedTuple, overload

from miners.models import CurtailmentStrategy, StrategyKind, Tier
from miners.strategies.orders import ORDERS, Candidate, candidates_of
from miners.strategies.scores import MinerFigures, Score, Weights, best_j_per_th, score_of, totals_of


class Verdict(StrEnum):
    """What becomes of a miner."""

    CUT = "cut"
    NOT_NEEDED = "not needed"
    PROTECTED = "protected"
    NOT_DRAWING = "not drawing"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a strategy asks for. `minimum_uptime` is a share, 0..1."""

    kind: StrategyKind
    weights: Weights
    vip_protection: bool
    minimum_uptime: float


class Protection(Enum):
    """Why a miner that draws power must not be cut."""

    VIP = auto()
    UPTIME_UNKNOWN = auto()
    UPTIME_LOW = auto()


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all miners of a ranking are judged by; `why` says it of one that may be cut."""

    terms: Terms
    best_j_per_th: float | None
    target_w: float
    why: Callable[[Candidate], str] = field(compare=False)


class Line(NamedTuple):
    """A miner in the ranking. `rank` counts from 1 among those that may be cut, null for the others.

    Its score's parts and its reason are made when they are asked for: a page shows few of thousands.
    """

    candidate: Candidate
    verdict: Verdict
    rank: int | None
    grounds: Grounds

    @property
    def miner(self) -> MinerFigures:
        """The miner."""
        return self.candidate.miner

    @property
    def score(self) -> Score:
        """What it is worth keeping, with the parts of that."""
        return score_of(self.miner, self.grounds.terms.weights, self.grounds.best_j_per_th)

    @property
    def reason(self) -> str:
        """Why it has this verdict."""
        if self.verdict is Verdict.NOT_DRAWING:
            return _why_not_drawing(self.miner)
        if self.verdict is Verdict.PROTECTED:
            return _why_protected(self.miner, self.grounds.terms)
        if self.verdict is Verdict.NOT_NEEDED and self.grounds.target_w:
            return "the target is met without it"
        return self.grounds.why(self.candidate)


@dataclass(frozen=True, slots=True)
class Lines(Sequence[Line]):
    """The lines of `candidates`, in their order: `cut` of them to be cut, those up to `free` not needed, then the protected.

    The others, from `drawing` on, draw nothing. A line is made when it is asked for.
    """

    candidates: Sequence[Candidate]
    cut: int
    free: int
    drawing: int
    grounds: Grounds

    def __len__(self) -> int:
        return len(self.candidates)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> list[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | list[Line]:
        if isinstance(place, slice):
            return [self._line(n) for n in range(len(self))[place]]
        return self._line(range(len(self))[place])

    def _line(self, n: int) -> Line:
        rank = n + 1 if n < self.free else None
        return Line(self.candidates[n], self._verdict(n), rank, self.grounds)

    def _verdict(self, n: int) -> Verdict:
        if n < self.cut:
            return Verdict.CUT
        if n < self.free:
            return Verdict.NOT_NEEDED
        return Verdict.PROTECTED if n < self.drawing else Verdict.NOT_DRAWING


@dataclass(frozen=True, slots=True)
class Ranking:
    """Every miner once: those that may be cut in their order, then the protected, then those that draw nothing.

    All in watts: `drawing_w` is what the site's miners draw now, `can_save_w` what may be cut of it, `saved_w` what
    the choice saves.
    """

    lines: Lines
    target_w: float
    drawing_w: float
    can_save_w: float
    saved_w: float

    @property
    def chosen(self) -> list[Line]:
        """The miners to cut, in their order."""
        return self.lines[: self.lines.cut]

    @property
    def short_w(self) -> float:
        """What is missing to the target although everything that may be cut is; 0 where it is met."""
        return max(0.0, self.target_w - self.saved_w)


def terms_of(strategy: CurtailmentStrategy) -> Terms:
    """Return what `strategy` asks for, as plain figures."""
    return Terms(
        kind=StrategyKind(strategy.kind),
        weights=Weights(*map(float, strategy.weights)),
        vip_protection=strategy.vip_protection,
        minimum_uptime=float(strategy.minimum_uptime),
    )


def rank(miners: Sequence[MinerFigures], terms: Terms, target_w: float) -> Ranking:
    """Rank a site's miners for drawing `target_w` watts less, by `terms`.

    Miners are cut in the order of the strategy's kind until the target is met, each of them whole; with a target of
    0 there is only the order. The same figures in any order give the same ranking.
    Raises ValueError for a target that is negative or no number.
    """
    if not (math.isfinite(target_w) and target_w >= 0):
        raise ValueError(f"the target must be a number of watts, 0 or more, not {target_w}")
    best = best_j_per_th([miner for miner in miners if _draws(miner)])
    judged = candidates_of(miners, totals_of(miners, terms.weights, best))
    drawing = [candidate for candidate in judged if candidate.less_w < 0]
    idle = [candidate for candidate in judged if not candidate.less_w < 0]
    is_protected = [_protection(miner, terms) is not None for _, _, _, miner in drawing]
    free = [candidate for candidate, kept in zip(drawing, is_protected, strict=True) if not kept]
    ordered = ORDERS[terms.kind](free, target_w)
    cut, saved_w = _to_cut(ordered.candidates, target_w)
    return Ranking(
        lines=Lines(
            [*ordered.candidates, *compress(drawing, is_protected), *idle],
            cut,
            free=len(free),
            drawing=len(drawing),
            grounds=Grounds(terms, best, target_w, ordered.why),
        ),
        target_w=target_w,
        drawing_w=_watts(drawing),
        can_save_w=_watts(free),
        saved_w=saved_w,
    )


def _watts(candidates: Iterable[Candidate]) -> float:
    return math.fsum([-candidate.less_w for candidate in candidates])


def _to_cut(ordered: Iterable[Candidate], target_w: float) -> tuple[int, float]:
    """Return how many of them, from the first on, meet the target, all where they do not; and the watts that saves."""
    cut, saved_w = 0, 0.0
    for _, less_w, _, _ in ordered:
        if saved_w >= target_w:
            break
        cut, saved_w = cut + 1, saved_w - less_w
    return cut, saved_w


def _draws(miner: MinerFigures) -> bool:
    return miner.power_w is not None and miner.power_w > 0


def _why_not_drawing(miner: MinerFigures) -> str:
    if miner.power_w is None:
        return "its power is not known now: cutting it would save nothing that can be counted"
    return "draws no power now"


def _protection(miner: MinerFigures, terms: Terms) -> Protection | None:
    """Return what protects the miner from being cut, None where it may be."""
    if terms.vip_protection and miner.tier == Tier.VIP:
        return Protection.VIP
    if terms.minimum_uptime <= 0:
        return None
    if miner.uptime is None:
        return Protection.UPTIME_UNKNOWN
    return Protection.UPTIME_LOW if miner.uptime < terms.minimum_uptime else None


def _why_protected(miner: MinerFigures, terms: Terms) -> str:
    protection = _protection(miner, terms)
    if protection is Protection.VIP:
        return "VIP: this strategy never cuts them"
    least = f"{terms.minimum_uptime:.0%}".replace("%", " %")
    if miner.uptime is None:
        return f"its uptime is not known, and this strategy keeps {least}"
    return f"up {100 * miner.uptime:.1f} % of the last 24 h, and this strategy keeps {least}"
