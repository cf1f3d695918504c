"""Steps from one sum to another: bars that begin where the one before ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hmm.lib.svg import Tick, bar_scale, chart_axis, grid_step

_TICKS_PX = 22


@dataclass(frozen=True, slots=True)
class Step:
    """A bar from one value to another."""

    start: float
    end: float
    css_class: str
    title: str


def step_chart(
    steps: Sequence[Step], ticks: Sequence[Tick], *, label: str, unit: str, height: int = 220
) -> SafeString:
    """Return the bars side by side, with a name below each. Raises ValueError without steps."""
    scale = bar_scale([value for step in steps for value in (step.start, step.end)], height)
    grid = grid_step(scale.high - scale.low)
    count = round((scale.high - scale.low) / grid)
    lines = [round(scale.low + n * grid, 9) for n in range(count + 1)]
    width = 100 / len(steps)
    return format_html(
        '<div class="chart">{axis}'
        '<svg class="chart-plot" role="img" aria-label="{label}" width="100%" height="{h}">{grid}{bars}{ticks}</svg></div>',
        h=height,
        label=label,
        axis=chart_axis(
            [(scale.y(v), f"{unit}{v:g}".replace(f"{unit}-", f"−{unit}")) for v in lines], height
        ),
        grid=format_html_join(
            "",
            '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>',
            ((f"{scale.y(v):.1f}",) for v in lines),
        ),
        bars=format_html_join(
            "",
            '<rect class="{}" x="{}%" width="{}%" y="{}" height="{}"><title>{}</title></rect>',
            (
                (
                    step.css_class,
                    f"{n * width + 0.15 * width:.3f}",
                    f"{0.7 * width:.3f}",
                    f"{scale.y(max(step.start, step.end)):.1f}",
                    f"{max(abs(scale.y(step.start) - scale.y(step.end)), 1.5):.1f}",
                    step.title,
                )
                for n, step in enumerate(steps)
            ),
        ),
        ticks=format_html_join(
            "",
            '<text class="tick-text at-middle" x="{}%" y="{}">{}</text>',
            ((f"{100 * tick.at:.3f}", height - 4, tick.text) for tick in ticks),
        ),
    )
