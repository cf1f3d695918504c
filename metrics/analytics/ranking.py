"""Miners in order: highest and lowest, and who has improved most against the range before."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString

from hmm.lib.svg_rows import NamedBar, row_chart
from hmm.lib.units import counted
from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, figure_column, formed_href, named_figure
from metrics.analytics.series import change_percent, change_words
from metrics.analytics.sides import Sides, sides
from metrics.column_words import words_of_column
from metrics.explain.figure import FigureRef
from metrics.query import aggregate, bottom_miners, top_miners
from metrics.query.keys import numeric_key
from metrics.query.ranking import Ranking
from miners.models import Miner

SHOWN = 10
BEST, WORST, IMPROVED = "best", "worst", "most improved"
LEGEND = (("series-1", BEST), ("series-2", WORST))
MOST_MINERS = 1000
"""Of more miners the changes are not formed: each needs two figures of every miner."""

WITHOUT_CHANGES = f"Who has improved is left out: of more than {MOST_MINERS:,} miners, and before an hour of the range is over."

NOTICED = 0.0005
"""A change is an improvement from this share on: less is said as 0.0 %."""

LOWER_IS_BETTER = (
    "j_per_th",
    "reject_rate",
    "rejected",
    "kwh",
    "priced_kwh",
    "cost",
    "avg_price",
    "temperature",
)


def ranking(asked: Asked, here: Here) -> Report:
    """Return the miners that did best and worst, and whose figure changed most for the better."""
    key = asked.key_of("miner", here.currency)
    numeric_key(asked.metric_type, "miner", key)
    lower = is_lower_better(asked.metric_type, key)
    both = sides(asked, here.now) if Miner.objects.count() <= MOST_MINERS else None
    title = named_figure(asked.metric_type, key, here)
    found, ids = _compared(asked, key, both, here) if both else _ends(asked, key, here, lower=lower)
    whole = Sides((asked.start, asked.end), asked.before, "daily")
    figure, before = _hrefs(asked, key, both or whole, ids)
    best, worst = ([row for row in found if row[0].startswith(word)] for word in (BEST, WORST))
    say = words_of_column(asked.metric_type, key, here.currency, [row[2] for row in best + worst])
    return Report(
        title,
        [
            Column("place", "", is_number=False),
            Column("miner", "Miner", is_number=False),
            figure_column(key, title, asked.metric_type, key, here, figure),
            figure_column("before", "Range before", asked.metric_type, key, here, before),
            Column("change_percent", "Change", change_words, href=formed_href(asked.query, "change")),
        ],
        found,
        chart=_chart(best, worst, say, title) if best else None,
        legend=LEGEND if worst else (),
        notes=[
            f"{'Lower' if lower else 'Higher'} counts as better.",
            *(both.notes(here.zone) if both else (WITHOUT_CHANGES,)),
        ],
    )


Href = Callable[[Sequence[Any]], str]


def _hrefs(asked: Asked, key: str, both: Sides, ids: Mapping[str, int]) -> tuple[Href, Href]:
    """Return what gives the figure of a row's miner its address, and that of the range before."""

    def in_range(span: tuple[datetime, datetime]) -> Href:
        return lambda row: escape(
            FigureRef(asked.metric_type, key, "miner", ids[row[1]], both.period, *span).url
        )

    return in_range(both.now), in_range(both.before)


def _chart(
    best: Sequence[Sequence[Any]], worst: Sequence[Sequence[Any]], say: Callable[[Any], str], title: str
) -> SafeString:
    """Return the best and below them the worst, the very worst last."""
    bars = [
        NamedBar(row[1], row[2], say(row[2]), f"bar {css_class}")
        for css_class, rows_of in (("series-1", best), ("series-2", worst[::-1]))
        for row in rows_of
    ]
    label = (
        f"{title}: {counted(len(bars), 'miner')}, the best first. The same figures are in the table below."
    )
    return row_chart(bars, label=label)


Found = tuple[list[list[Any]], dict[str, int]]
"""The rows, and the ids of the miners that they name."""


def _compared(asked: Asked, key: str, both: Sides, here: Here) -> Found:
    now = _figures(asked, key, both.now, both.period, here)
    before = _figures(asked, key, both.before, both.period, here)
    names = dict(Miner.objects.filter(pk__in=now).values_list("pk", "name"))
    found = rows(now, before, names, lower_is_better=is_lower_better(asked.metric_type, key))
    return found, {name: pk for pk, name in names.items()}


def _ends(asked: Asked, key: str, here: Here, *, lower: bool) -> Found:
    """Return the best and the worst, ranked by the database."""
    of: Ranking = {
        "metric_type": asked.metric_type,
        "key": key,
        "period": "daily",
        "start": asked.start,
        "end": asked.end,
        "n": SHOWN,
        "now": here.now,
    }
    best, worst = (bottom_miners, top_miners) if lower else (top_miners, bottom_miners)
    found = [(title, each) for title, ranked in ((BEST, best), (WORST, worst)) for each in ranked(**of)]
    return [
        [f"{title} {each.rank}", each.miner_name, each.value, None, None]
        for title, each in found
        if each.value is not None
    ], {each.miner_name: each.miner_id for _, each in found}


def is_lower_better(metric_type: str, key: str) -> bool:
    """Return whether less of it is better: of what costs, heats or is refused."""
    return metric_type == "temperature" or any(key.startswith(word) for word in LOWER_IS_BETTER)


def rows(
    now: dict[int, float], before: dict[int, float], names: dict[int, str], *, lower_is_better: bool
) -> list[list[Any]]:
    """Return the best, the worst that are not among them, and the most improved, each SHOWN at most."""
    sign = 1 if lower_is_better else -1
    order = sorted(now, key=lambda pk: (sign * now[pk], names.get(pk, "")))
    best, rest = order[:SHOWN], order[SHOWN:]
    gains = {pk: sign * (before[pk] - now[pk]) for pk in now.keys() & before.keys()}
    improved = sorted(
        (pk for pk in gains if gains[pk] > NOTICED * abs(before[pk])),
        key=lambda pk: (-gains[pk], names.get(pk, "")),
    )
    groups = ((BEST, best), (WORST, rest[::-1][:SHOWN]), (IMPROVED, improved[:SHOWN]))
    return [
        [
            f"{title} {place}",
            names.get(pk, ""),
            now[pk],
            before.get(pk),
            change_percent(now[pk], before.get(pk)),
        ]
        for title, found in groups
        for place, pk in enumerate(found, 1)
    ]


def _figures(
    asked: Asked, key: str, span: tuple[datetime, datetime], period: str, here: Here
) -> dict[int, float]:
    found = aggregate(
        metric_type=asked.metric_type,
        period=period,
        start=span[0],
        end=span[1],
        entity_type="miner",
        now=here.now,
    )
    return {f.entity_id: f.value_json[key] for f in found if f.entity_id and f.value_json[key] is not None}
