"""Whom a strategy would cut for a target, and why: a pure function of figures that the caller has read.

docs/strategies.md has the formulas in words.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from miners.models import CurtailmentStrategy, StrategyKind, Tier
from miners.strategies.orders import ORDERS, Candidate, Placed
from miners.strategies.scores import MinerFigures, Score, Weights, best_j_per_th, score_of


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


@dataclass(frozen=True, slots=True)
class Line:
    """A miner in the ranking. `rank` counts from 1 among those that may be cut, null for the others."""

    miner: MinerFigures
    score: Score
    verdict: Verdict
    reason: str
    rank: int | None


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
    judged = sorted(
        (Candidate(miner, score_of(miner, terms.weights, best)) for miner in miners),
        key=lambda candidate: candidate.place,
    )
    spared = [(candidate, _protection(candidate.miner, terms)) for candidate in judged]
    free = [candidate for candidate, why in spared if _draws(candidate.miner) and not why]
    cut = _cut_lines(ORDERS[terms.kind](free, target_w), target_w)
    return Ranking(
        lines=cut + _protected_lines(spared) + _idle_lines(judged),
        target_w=target_w,
        drawing_w=math.fsum(miner.power_w or 0 for miner in drawing),
        can_save_w=math.fsum(candidate.power_w for candidate in free),
        saved_w=sum(line.miner.power_w or 0 for line in cut if line.verdict is Verdict.CUT),
    )


def _cut_lines(ordered: Sequence[Placed], target_w: float) -> list[Line]:
    """Return the lines of those that may be cut, the first of them chosen until the target is met."""
    lines: list[Line] = []
    saved_w = 0.0
    for number, placed in enumerate(ordered, 1):
        candidate = placed.candidate
        if saved_w < target_w:
            saved_w += candidate.power_w
            verdict, why = Verdict.CUT, placed.why
        else:
            verdict, why = Verdict.NOT_NEEDED, "the target is met without it" if target_w else placed.why
        lines.append(Line(candidate.miner, candidate.score, verdict, why, number))
    return lines


def _protected_lines(spared: Sequence[tuple[Candidate, str]]) -> list[Line]:
    return [
        Line(candidate.miner, candidate.score, Verdict.PROTECTED, why, None)
        for candidate, why in spared
        if why and _draws(candidate.miner)
    ]


def _idle_lines(judged: Sequence[Candidate]) -> list[Line]:
    return [
        Line(candidate.miner, candidate.score, Verdict.NOT_DRAWING, _why_not_drawing(candidate.miner), None)
        for candidate in judged
        if not _draws(candidate.miner)
    ]


def _draws(miner: MinerFigures) -> bool:
    return miner.power_w is not None and miner.power_w > 0


def _why_not_drawing(miner: MinerFigures) -> str:
    if miner.power_w is None:
        return "its power is not known now: cutting it would save nothing that can be counted"
    return "draws no power now"


def _protection(miner: MinerFigures, terms: Terms) -> str:
    """Return why the miner must not be cut, "" where it may be."""
    if terms.vip_protection and miner.tier == Tier.VIP:
        return "VIP: this strategy never cuts them"
    if terms.minimum_uptime <= 0:
        return ""
    least = f"{terms.minimum_uptime:.0%}".replace("%", " %")
    if miner.uptime is None:
        return f"its uptime is not known, and this strategy keeps {least}"
    if miner.uptime < terms.minimum_uptime:
        return f"up {100 * miner.uptime:.1f} % of the last 24 h, and this strategy keeps {least}"
    return ""
