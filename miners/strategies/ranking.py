"""Whom a strategy would cut for a target, and why: a pure function of figures that the caller has read.

docs/strategies.md has the formulas in words.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from operator import attrgetter
from typing import NamedTuple

from miners.models import CurtailmentStrategy, StrategyKind, Tier
from miners.strategies.orders import ORDERS, Candidate, candidate_of
from miners.strategies.scores import MinerFigures, Score, Weights, best_j_per_th, score_of, total_of


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
class Ranking:
    """Every miner once: those that may be cut in their order, then the protected, then those that draw nothing.

    All in watts: `drawing_w` is what the site's miners draw now, `can_save_w` what may be cut of it, `saved_w` what
    the choice saves.
    """

    lines: list[Line]
    target_w: float
    drawing_w: float
    can_save_w: float
    saved_w: float

    @property
    def chosen(self) -> list[Line]:
        """The miners to cut, in their order."""
        return [line for line in self.lines if line.verdict is Verdict.CUT]

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
    drawing = [miner for miner in miners if _draws(miner)]
    best = best_j_per_th(drawing)
    candidates = [candidate_of(miner, total_of(miner, terms.weights, best)) for miner in miners]
    judged = sorted(candidates, key=attrgetter("place"))
    free, protected, idle = _sorted_out(judged, terms)
    ordered = ORDERS[terms.kind](free, target_w)
    grounds = Grounds(terms, best, target_w, ordered.why)
    cut = _cut_lines(ordered.candidates, grounds)
    return Ranking(
        lines=[
            *cut,
            *(Line(candidate, Verdict.PROTECTED, None, grounds) for candidate in protected),
            *(Line(candidate, Verdict.NOT_DRAWING, None, grounds) for candidate in idle),
        ],
        target_w=target_w,
        drawing_w=math.fsum([miner.power_w or 0 for miner in drawing]),
        can_save_w=math.fsum([candidate.power_w for candidate in free]),
        saved_w=sum(line.miner.power_w or 0 for line in cut if line.verdict is Verdict.CUT),
    )


def _sorted_out(
    judged: Sequence[Candidate], terms: Terms
) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """Return those that may be cut, the protected, and those that draw nothing, each in their order."""
    free: list[Candidate] = []
    protected: list[Candidate] = []
    idle: list[Candidate] = []
    for candidate in judged:
        if not _draws(candidate.miner):
            idle.append(candidate)
        elif _protection(candidate.miner, terms):
            protected.append(candidate)
        else:
            free.append(candidate)
    return free, protected, idle


def _cut_lines(ordered: Sequence[Candidate], grounds: Grounds) -> list[Line]:
    """Return the lines of those that may be cut, the first of them chosen until the target is met."""
    lines: list[Line] = []
    saved_w = 0.0
    for number, candidate in enumerate(ordered, 1):
        verdict = Verdict.NOT_NEEDED
        if saved_w < grounds.target_w:
            saved_w += candidate.power_w
            verdict = Verdict.CUT
        lines.append(Line(candidate, verdict, number, grounds))
    return lines


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
