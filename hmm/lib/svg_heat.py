"""Heat-maps drawn on the server: a line per day or miner, a cell per hour or slot; colours are classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from hmm.lib.svg import Tick

STEPS = 6
"""So many shades, heat-0 (low) to heat-5 (high)."""

_ROW_PX, _TICKS_PX, _AXIS_PX = 20, 18, 64


@dataclass(frozen=True, slots=True)
class Cell:
    """One field; `title` says its moment and figure. `css_class` is heat-0 … heat-5 or a price band's."""

    css_class: str
    title: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One line; None is a field of which nothing is known."""

    label: str
    cells: Sequence[Cell | None]


def heat_class(value: float, low: float, high: float) -> str:
    """Return the shade of `value` between `low` and `high`, which are the ends of the ramp."""
    share = (value - low) / (high - low) if high > low else 0.0
    return f"heat-{min(STEPS - 1, max(0, int(share * STEPS)))}"


def heat_map(rows: Sequence[HeatRow], ticks: Iterable[Tick], *, label: str) -> SafeString:
    """Return the map as two drawings side by side: the lines' names, and the fields, which take the rest.

    `label` says in words what is drawn; `ticks` stand below, at shares (0..1) of the width. Raises ValueError
    without rows.
    """
    if not rows:
        raise ValueError("a heat-map needs rows")
    height = len(rows) * _ROW_PX + _TICKS_PX
    return format_html(
        '<div class="chart"><svg class="chart-axis" width="{axis}" height="{h}" aria-hidden="true">{names}</svg>'
        '<svg class="chart-plot" role="img" aria-label="{label}" width="100%" height="{h}">{cells}{ticks}</svg></div>',
        axis=_AXIS_PX,
        h=height,
        label=label,
        names=_names(rows),
        cells=mark_safe("".join([_line(row, place) for place, row in enumerate(rows)])),
        ticks=format_html_join("", "{}", ((_tick(tick, height),) for tick in ticks)),
    )


def _names(rows: Sequence[HeatRow]) -> SafeString:
    lines = ((_AXIS_PX - 6, place * _ROW_PX + 14, row.label) for place, row in enumerate(rows))
    return format_html_join("", '<text class="axis-text" x="{}" y="{}">{}</text>', lines)


def _line(row: HeatRow, place: int) -> str:
    width = 100 / max(len(row.cells), 1)
    size = f'width="{0.88 * width:.3f}%" y="{place * _ROW_PX + 1}" height="{_ROW_PX - 2}"'
    return "".join(
        [
            _field(cell, f'x="{index * width + 0.06 * width:.3f}%" {size}')
            for index, cell in enumerate(row.cells)
        ]
    )


def _field(cell: Cell | None, place: str) -> str:
    if cell is None:
        return f'<rect class="cell-none" {place}><title>not measured</title></rect>'
    return f'<rect class="cell {escape(cell.css_class)}" {place}><title>{escape(cell.title)}</title></rect>'


def _tick(tick: Tick, height: int) -> SafeString:
    anchor = "at-start" if tick.at < 0.04 else "at-end" if tick.at > 0.96 else "at-middle"
    return format_html(
        '<text class="{}" x="{}%" y="{}">{}</text>', anchor, f"{100 * tick.at:.3f}", height - 4, tick.text
    )
