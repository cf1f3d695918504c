"""Miners in order: highest and lowest, and who has improved most against the range before."""

from datetime import datetime
from typing import Any

from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, figure_column, named_figure
from metrics.analytics.series import change_percent, change_words
from metrics.analytics.sides import Sides, sides
from metrics.query import aggregate, bottom_miners, top_miners
from metrics.query.keys import numeric_key
from metrics.query.ranking import Ranking
from miners.models import Miner

SHOWN = 10
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
    found = _compared(asked, key, both, here) if both else _ends(asked, key, here, lower=lower)
    return Report(
        title,
        [
            Column("place", "", is_number=False),
            Column("miner", "Miner", is_number=False),
            figure_column(key, title, asked.metric_type, key, here),
            figure_column("before", "Range before", asked.metric_type, key, here),
            Column("change_percent", "Change", change_words),
        ],
        found,
        notes=[
            f"{'Lower' if lower else 'Higher'} counts as better.",
            *(both.notes(here.zone) if both else (WITHOUT_CHANGES,)),
        ],
    )


def _compared(asked: Asked, key: str, both: Sides, here: Here) -> list[list[Any]]:
    now = _figures(asked, key, both.now, both.period, here)
    before = _figures(asked, key, both.before, both.period, here)
    names = dict(Miner.objects.filter(pk__in=now).values_list("pk", "name"))
    return rows(now, before, names, lower_is_better=is_lower_better(asked.metric_type, key))


def _ends(asked: Asked, key: str, here: Here, *, lower: bool) -> list[list[Any]]:
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
    return [
        [f"{title} {each.rank}", each.miner_name, each.value, None, None]
        for title, ranked in (("best", best), ("worst", worst))
        for each in ranked(**of)
        if each.value is not None
    ]


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
    groups = (("best", best), ("worst", rest[::-1][:SHOWN]), ("most improved", improved[:SHOWN]))
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
