"""What the page of a ranking says: one sentence, and a line for each miner of one of its pages."""

from dataclasses import dataclass

from hmm.lib.units import UNKNOWN
from metrics.templatetags.hmm_format import decimal, power
from miners.models import Tier
from miners.strategies.ranking import Line, Ranking, Verdict
from miners.strategies.scores import Part

ON_A_PAGE = 50

TONES = {
    Verdict.CUT: "warn",
    Verdict.NOT_NEEDED: "muted",
    Verdict.PROTECTED: "good",
    Verdict.NOT_DRAWING: "muted",
}


@dataclass(frozen=True, slots=True)
class PartShown:
    """One part of a score: how good, and what it adds; "–" where it is not known."""

    percent: str
    sum: str


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One miner as the page shows it."""

    name: str
    whose: str
    place: str
    verdict: str
    tone: str
    reason: str
    power_w: str
    score: str
    parts: list[tuple[str, PartShown]]
    key: str


@dataclass(frozen=True, slots=True)
class RankingShown:
    """The ranking in words; the sentence, of all pages, says first whether the target is met.

    `page` and `pages` count from 1, `first` and `last` are the places of its rows among all `found`.
    """

    sentence: str
    tone: str
    rows: list[RankingRow]
    page: int
    pages: int
    found: int

    @property
    def first(self) -> int:
        """The place of the first row."""
        return (self.page - 1) * ON_A_PAGE + 1

    @property
    def last(self) -> int:
        """The place of the last row."""
        return self.first + len(self.rows) - 1


def show_ranking(ranking: Ranking, page: int = 1) -> RankingShown:
    """Return one page of the ranking as it is said, the last one where there are not so many."""
    found = len(ranking.lines)
    pages = max(1, -(-found // ON_A_PAGE))
    page = min(page, pages)
    lines = ranking.lines[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    rows = [_row(line, has_target=ranking.target_w > 0) for line in lines]
    return RankingShown(
        _sentence(ranking), "bad" if ranking.short_w else "good", rows, page=page, pages=pages, found=found
    )


def _sentence(ranking: Ranking) -> str:
    can_save, drawing = power(ranking.can_save_w), power(ranking.drawing_w)
    asked, saved = power(ranking.target_w), power(ranking.saved_w)
    if not ranking.target_w:
        return (
            f"{_miners(ranking.lines.free)} may be cut, {can_save} of the {drawing} that the site draws now"
        )
    cutting = f"Cutting {_miners(ranking.lines.cut)} saves {saved}"
    if ranking.short_w:
        return f"{cutting} of the {asked} asked for: {power(ranking.short_w)} short, no other may be cut"
    return f"{cutting}, {asked} asked for"


def _miners(count: int) -> str:
    return "1 miner" if count == 1 else f"{count or 'no'} miners"


def _row(line: Line, *, has_target: bool) -> RankingRow:
    miner, score = line.miner, line.score
    verdict = "may be cut" if line.verdict is Verdict.NOT_NEEDED and not has_target else line.verdict.value
    return RankingRow(
        name=miner.name,
        whose=" · ".join([miner.customer or "no customer", Tier(miner.tier).label]),
        place=f"{line.rank}. " if line.rank else "",
        verdict=verdict,
        tone=TONES[line.verdict],
        reason=line.reason,
        power_w=UNKNOWN if miner.power_w is None else decimal(miner.power_w, 1 if miner.power_w < 100 else 0),
        score=decimal(score.total, 1),
        parts=[
            ("Performance", _part(score.performance)),
            ("Efficiency", _part(score.efficiency)),
            ("Uptime", _part(score.uptime)),
        ],
        key=str(miner.miner_id),
    )


def _part(part: Part) -> PartShown:
    if part.value is None or part.points is None:
        return PartShown(UNKNOWN, "left out")
    # More than the strategy's weight where another part is left out.
    weight = part.points / part.value / 100 if part.value else part.weight
    return PartShown(f"{100 * part.value:.1f} %", f"× {weight:.2f} = {decimal(part.points, 1)}")
