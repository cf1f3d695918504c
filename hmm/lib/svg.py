"""Small charts drawn on the server: no inline style, so that a strict Content-Security-Policy holds.

Colours and type come from the style sheet through classes. A bar chart is measured in per cent sideways and in
pixels upwards, so that it fills any width while its text stays the size it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

AXIS_PX, GAP_PX, CHARACTER_PX = 44, 6, 7
"""The least width of an axis, the space beside its labels, and what a character of theirs takes at most."""


@dataclass(frozen=True)
class Bar:
    """A value from `start` to `end`, both shares (0..1) of the chart's width."""

    start: float
    end: float
    value: float
    css_class: str
    title: str


@dataclass(frozen=True)
class Tick:
    """A mark on the axis at a share (0..1) of the chart's width."""

    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """Maps values to pixels from the top; always contains zero."""

    low: float
    high: float
    top_px: float
    bottom_px: float

    def y(self, value: float) -> float:
        """Return how many pixels below the top `value` is drawn."""
        share = (self.high - value) / (self.high - self.low)
        return self.top_px + share * (self.bottom_px - self.top_px)


def sparkline(
    values: Sequence[float | None], *, label: str, width: int = 132, height: int = 30
) -> SafeString:
    """Return a line over zero through equally spaced `values`; None is a gap in it.

    `label` says in words what is drawn. Without any value only the base line is drawn.
    """
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    scale = Scale(0.0, top, 2.0, height - 2.0)
    step = width / max(len(values), 1)
    runs = [_run_points(start, run, step, scale) for start, run in _runs(values)]
    lines = [_line(run) for run in runs]
    areas = [_area(line, run, scale.bottom_px) for line, run in zip(lines, runs, strict=True)]
    # All but the label are numbers: a long table draws many, and looking each of them over takes as long as drawing.
    return mark_safe(
        f'<svg class="spark" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" preserveAspectRatio="none">'
        f'<line class="spark-base" x1="0" x2="{width}" y1="{height - 1}" y2="{height - 1}"/>'
        f'<path class="spark-area" d="{" ".join(areas)}"/><path class="spark-line" d="{" ".join(lines)}"/></svg>'
    )


def bar_chart(
    bars: Sequence[Bar],
    ticks: Iterable[Tick],
    *,
    label: str,
    unit: str,
    now_at: float | None,
    height: int = 190,
) -> SafeString:
    """Return bars above and below zero with a time axis, and a line at `now_at` (0..1) where given.

    `unit` goes with the values on the axis. Two drawings lie side by side: the axis, of fixed width, and the
    plot, which takes the rest. Raises ValueError without bars.
    """
    scale = bar_scale([bar.value for bar in bars], height)
    steps = _grid_values(scale)
    return format_html(
        '<div class="chart">{axis}'
        '<svg class="chart-plot" role="img" aria-label="{label}" width="100%" height="{h}">{grid}{bars}{zero}{ticks}{now}</svg></div>',
        h=height,
        label=label,
        axis=chart_axis([(scale.y(step), f"{_plain(step)} {unit}") for step in steps], height),
        grid=format_html_join(
            "", '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>', _pixels(steps, scale)
        ),
        bars=mark_safe("".join([_bar(bar, scale) for bar in bars])),
        zero=format_html('<line class="zero" x1="0" x2="100%" y1="{0}" y2="{0}"/>', _round(scale.y(0))),
        ticks=format_html_join("", "{}", ((_tick(tick, height),) for tick in ticks)),
        now=_now_line(now_at, scale) if now_at is not None else "",
    )


def chart_axis(labels: Sequence[tuple[float, str]], height: int) -> SafeString:
    """Return the axis of a chart of `height` pixels: each label at its pixel from the top, as wide as the longest needs."""
    width = max(AXIS_PX, *(CHARACTER_PX * len(text) + 2 * GAP_PX for _, text in labels))
    return format_html(
        '<svg class="chart-axis" width="{}" height="{}" aria-hidden="true">{}</svg>',
        width,
        height,
        format_html_join(
            "",
            '<text class="axis-text" x="{}" y="{}">{}</text>',
            ((width - GAP_PX, _round(y + 4), text) for y, text in labels),
        ),
    )


def bar_scale(values: Sequence[float], height: int) -> Scale:
    """Return the scale of a bar chart: whole grid steps that contain zero and every value."""
    low, high = min(0.0, min(values)), max(0.0, max(values))
    step = grid_step(high - low)
    bottom = floor(low / step) * step
    top = -floor(-high / step) * step
    return Scale(bottom, top if top > bottom else bottom + step, 16.0, height - 22.0)


def grid_step(span: float) -> float:
    """Return 1, 2 or 5 × a power of ten that divides `span` into at most five steps."""
    if span <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(span / 5))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if span / step <= 5)


def _runs(values: Sequence[float | None]) -> list[tuple[int, list[float]]]:
    runs: list[tuple[int, list[float]]] = []
    inside = False
    for index, value in enumerate(values):
        if value is not None:
            if not inside:
                runs.append((index, []))
            runs[-1][1].append(value)
        inside = value is not None
    return runs


def _run_points(start: int, run: list[float], step: float, scale: Scale) -> list[tuple[float, float]]:
    """Each value in the middle of its step; a lone one as a short dash, since a point has no length."""
    if len(run) == 1:
        y = scale.y(run[0])
        return [(start * step, y), ((start + 1) * step, y)]
    first, zero, a_unit = (
        (start + 0.5) * step,
        scale.y(0),
        scale.y(1) - scale.y(0),
    )  # a long table draws thousands
    return [(first + index * step, zero + value * a_unit) for index, value in enumerate(run)]


def _line(points: list[tuple[float, float]]) -> str:
    return "M" + " ".join([f"{x:.1f} {y:.1f}" for x, y in points])


def _area(line: str, points: list[tuple[float, float]], bottom: float) -> str:
    return f"{line} {_round(points[-1][0])} {_round(bottom)} {_round(points[0][0])} {_round(bottom)}Z"


def _bar(bar: Bar, scale: Scale) -> str:
    top, bottom = sorted((scale.y(bar.value), scale.y(0)))
    gap = (bar.end - bar.start) * 0.12
    x, width = _percent(bar.start + gap / 2), _percent(bar.end - bar.start - gap)
    height = max(bottom - top, 1.5)
    y = bottom - height if bar.value >= 0 else top  # the least that can be seen lies on its side of zero
    place = f'x="{x}%" width="{width}%" y="{_round(y)}" height="{_round(height)}"'
    return f'<rect class="{escape(bar.css_class)}" {place}><title>{escape(bar.title)}</title></rect>'


def _tick(tick: Tick, height: int) -> SafeString:
    return format_html(
        '<line class="tick" x1="{0}%" x2="{0}%" y1="{1}" y2="{2}"/><text class="tick-text {3}" x="{0}%" y="{4}">{5}</text>',
        *(_percent(tick.at), height - 22, height - 17, _anchor(tick.at), height - 4, tick.text),
    )


def _now_line(at: float, scale: Scale) -> SafeString:
    return format_html(
        '<line class="now-line" x1="{0}%" x2="{0}%" y1="12" y2="{1}"/><text class="now-text {2}" x="{0}%" y="10">now</text>',
        *(_percent(at), scale.bottom_px, _anchor(at)),
    )


def _anchor(at: float) -> str:
    # At the left the axis gives room, and words that began at their mark would reach the next one's on a phone.
    return "at-end" if at > 0.96 else "at-middle"


def _plain(value: float) -> str:
    return f"{value:,g}".replace("-", "−")


def _grid_values(scale: Scale) -> list[float]:
    step = grid_step(scale.high - scale.low)
    count = round((scale.high - scale.low) / step)
    return [round(scale.low + index * step, 9) for index in range(count + 1)]


def _pixels(steps: list[float], scale: Scale) -> Iterable[tuple[str]]:
    return ((_round(scale.y(step)),) for step in steps)


def _percent(share: float) -> str:
    return f"{100 * share:.3f}"


def _round(pixels: float) -> str:
    return f"{pixels:.1f}"
