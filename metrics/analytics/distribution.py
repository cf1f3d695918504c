"""How long a miner, or all, ran at which hashrate or temperature."""

from collections.abc import Sequence
from math import ceil, floor, log10

from django.utils.safestring import SafeString

from hmm.lib.svg import Bar, Tick, bar_chart
from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, formed_href, named_figure
from metrics.figure_words import unit_of
from metrics.query.distribution import Share, distribution
from metrics.sketches.quantities import ACCURACY, LEAST
from metrics.templatetags.hmm_format import decimal

MOST_BARS = 20
MOST_TICKS = 7
"""So many values have room below the chart on a phone, without their unit."""


def distributed(asked: Asked, here: Here) -> Report:
    """Return the hours that the first entity's readings cover, by value. Raises Refused for a type without sketches."""
    whom = asked.whom[0]
    shares = distribution(
        metric_type=asked.metric_type,
        start=asked.start,
        end=asked.end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    unit = unit_of(asked.metric_type, "avg", here.currency)
    found = classes([Share(share.value * unit.factor, share.seconds) for share in shares])
    total = sum(hours for _, _, hours in found)
    title = f"{named_figure(asked.metric_type, 'avg', here)}, {whom.after}"
    return Report(
        title,
        [
            Column("from", f"From, {unit.text}", lambda value: decimal(value, unit.digits)),
            Column("to", f"Below, {unit.text}", lambda value: decimal(value, unit.digits)),
            Column("hours", "Hours", lambda value: decimal(value, 1), href=formed_href(asked.query, "hours")),
            Column(
                "share",
                "Share",
                lambda share: f"{decimal(100 * share, 1)} %",
                href=formed_href(asked.query, "share"),
            ),
        ],
        [[low, high, hours, hours / total] for low, high, hours in found],
        chart=_chart(found, unit.text, unit.digits, title) if found else None,
        notes=[
            f"In {unit.text}. Of the hours that are over; values are at most 0.8 % off. Of all miners it is miner-hours."
        ],
    )


def classes(shares: Sequence[Share]) -> list[tuple[float, float, float]]:
    """Return (from, to, hours): at most MOST_BARS classes of one round width that hold all values, empty ones too."""
    if not shares:
        return []
    low, high = shares[0].value, shares[-1].value
    width = _width(high - low, max(abs(low), abs(high)))
    first = floor(low / width)
    hours = [0.0] * (floor(high / width) - first + 1)
    for share in shares:
        hours[floor(share.value / width) - first] += share.seconds / 3600
    return [
        (round((first + n) * width, 9), round((first + n + 1) * width, 9), h) for n, h in enumerate(hours)
    ]


def _width(span: float, size: float) -> float:
    """Return 1, 2 or 5 × a power of ten: no finer than the sketches are, and so that there are not too many classes."""
    least = max(span / (MOST_BARS - 1), 2 * ACCURACY * size, LEAST)
    power: float = 10.0 ** floor(log10(least))
    return next(step * power for step in (1, 2, 5, 10, 20) if step * power >= least)


def _chart(found: Sequence[tuple[float, float, float]], unit: str, digits: int, title: str) -> SafeString:
    count = len(found)
    bars = [
        Bar(
            n / count,
            (n + 1) / count,
            hours,
            "bar series-1",
            f"{decimal(low, digits)}–{decimal(high, digits)} {unit}: {decimal(hours, 1)} h",
        )
        for n, (low, high, hours) in enumerate(found)
        if hours
    ]
    step = ceil(count / MOST_TICKS)
    places = digits if any(low % 1 for low, _, _ in found) else 0
    ticks = [Tick(n / count, decimal(low, places)) for n, (low, _, _) in enumerate(found) if n % step == 0]
    label = f"{title}: hours in {count} classes. The same figures are in the table below."
    return bar_chart(bars, ticks, label=label, unit="h", now_at=None)
