"""A farm's ranking for some seconds: whoever turns its pages sees one ranking, and thousands of miners are read once."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hmm.replica.route import connection
from metrics.engine.known import Known, this_database
from metrics.query import as_stored_meanwhile
from metrics.strategies.figures import site_figures
from miners.models import CurtailmentStrategy
from miners.strategies.ranking import Ranking, rank, terms_of

MANY = 500
"""Of fewer miners a ranking is made each time."""

LATELY = timedelta(seconds=10)
"""How old a farm's ranking may be."""

# What people say of miners, their models and sites shows at once.
DESCRIBED = """
SELECT (SELECT last_value + is_called::int FROM miners_described),
    (SELECT bit_xor(hash_record_extended(model, 0)) FROM miners_minermodel model),
    (SELECT bit_xor(hash_record_extended(site, 0)) FROM miners_site site)
"""


class RankedAt(NamedTuple):
    """A ranking of the figures of `now`; `being_computed` says which of them are those of before, "" where none is."""

    ranking: Ranking
    now: datetime
    being_computed: str


KEPT: Known[RankedAt] = Known(8)


def ranking_lately(strategy: CurtailmentStrategy, target_w: float, now: datetime) -> RankedAt:
    """Rank the site's miners as `strategy` would cut them for `target_w`; a farm's at most 10 seconds before `now`.

    One query where that is kept, else those of `site_figures` too. Raises NotComputedYet.
    """
    key = (this_database(), _described(), strategy.site_id, terms_of(strategy), target_w)
    kept = KEPT.get(key)
    if kept and timedelta() <= now - kept.now < LATELY:
        return kept
    made = _rank(strategy, target_w, now)
    return KEPT.keep(key, made) if len(made.ranking.lines) > MANY else made


def _rank(strategy: CurtailmentStrategy, target_w: float, now: datetime) -> RankedAt:
    with as_stored_meanwhile() as meanwhile:
        figures = site_figures(strategy.site_id, now)
    return RankedAt(rank(figures, terms_of(strategy), target_w), now, meanwhile.words)


def _described() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(DESCRIBED)
        return tuple(cursor.fetchone())
