"""A bar chart that lies on its side: a line for each name, its bar from zero, and its figure behind that."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hmm.lib.svg import chart_axis

ROW_PX, BAR_PX = 24, 14
LONGEST_NAME = 16
"""Longer names are cut short: the rest is in the bar's title, and in the table below."""

NARROWEST_PX, CHARACTER_PX, GAP_PX = 210, 6.4, 9
"""What a phone leaves beside the names, and what the figure behind a bar takes of it."""

LEAST_ROOM, MOST_ROOM = 0.3, 0.5
"""What share of the width is kept for the figures: bars are to be seen as well."""


@dataclass(frozen=True, slots=True)
class NamedBar:
    """What is called `name` and has `value`, which is said as `words`."""

    name: str
    value: float
    words: str
    css_class: str


def row_chart(bars: Sequence[NamedBar], *, label: str) -> SafeString:
    """Return the bars below each other, to the left of zero what is less; `label` says in words what is drawn.

    Raises ValueError without bars.
    """
    if not bars:
        raise ValueError("a bar chart needs bars")
    height = len(bars) * ROW_PX
    low, high = min(0.0, *(bar.value for bar in bars)), max(0.0, *(bar.value for bar in bars))
    scale = 100 * (1 - _room_for_figures(bars)) / ((high - low) or 1.0)
    zero = abs(low) * scale
    return format_html(
        '<div class="chart">{}<svg class="chart-plot" role="img" aria-label="{}" width="100%" height="{}">{}'
        '<line class="zero" x1="{}%" x2="{}%" y1="0" y2="{}"/></svg></div>',
        chart_axis([(n * ROW_PX + ROW_PX / 2, _short(bar.name)) for n, bar in enumerate(bars)], height),
        label,
        height,
        mark_safe("".join([_bar(bar, n, zero, scale) for n, bar in enumerate(bars)])),
        f"{zero:.3f}",
        f"{zero:.3f}",
        height,
    )


def _room_for_figures(bars: Sequence[NamedBar]) -> float:
    """Return the share of the width that the longest figure needs behind its bar, where the chart is narrowest."""
    longest = max(len(bar.words) for bar in bars)
    return min(max(LEAST_ROOM, (GAP_PX + CHARACTER_PX * longest) / NARROWEST_PX), MOST_ROOM)


def _bar(bar: NamedBar, place: int, zero: float, scale: float) -> str:
    width = abs(bar.value) * scale
    left = zero - width if bar.value < 0 else zero
    middle = place * ROW_PX + ROW_PX / 2
    return (
        f'<rect class="{escape(bar.css_class)}" x="{left:.3f}%" width="{max(width, 0.2):.3f}%" y="{middle - BAR_PX / 2:g}"'
        f' height="{BAR_PX}"><title>{escape(bar.name)}: {escape(bar.words)}</title></rect>'
        f'<text x="{max(left + width, zero):.3f}%" dx="6" y="{middle + 4:g}">{escape(bar.words)}</text>'
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
