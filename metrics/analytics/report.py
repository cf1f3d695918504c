"""What a view of analytics comes to: a chart, and a table that is also the file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString, mark_safe

from metrics.column_words import words_of_column
from metrics.explain.figure import explain_address
from metrics.figure_words import title_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its name in files, its heading, and how a cell of it is said."""

    name: str
    title: str
    say: Callable[[Any], str] = str
    is_number: bool = True
    alike: Callable[[list[Any]], Callable[[Any], str]] | None = None
    """In place of `say`: how each cell is said, chosen by all of them."""
    href: Callable[[Sequence[Any]], str] | None = None
    """The address, escaped, that explains the cell of a row; "" for none."""

    def said(self, cells: list[Any]) -> list[str]:
        """Return its cells in words."""
        return [*map(self.alike(cells) if self.alike else self.say, cells)]


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure above the chart."""

    label: str
    number: str | SafeString
    notes: Sequence[str] = ()


NOTHING_MEASURED = "Nothing was measured in this range."


@dataclass(frozen=True, slots=True)
class Report:
    """A view. `rows` are as files have them: numbers unrounded, null for what is not known.

    `chart` is drawn on the server; `is_drawn_by_script` has the page fetch a chart to zoom in its place.
    `empty` is said where there are no rows.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    chart: SafeString | None = None
    legend: Sequence[tuple[str, str]] = ()
    stats: Sequence[Stat] = ()
    notes: Sequence[str] = ()
    is_drawn_by_script: bool = False
    empty: str = NOTHING_MEASURED
    instead: tuple[str, str] | None = None
    """Where there are no rows, the words and the query of a view that may have some."""

    @property
    def headings(self) -> list[tuple[str, bool]]:
        """Heading, and whether it is of numbers, for each column."""
        return [(column.title, column.is_number) for column in self.columns]

    @property
    def said(self) -> list[list[str]]:
        """The rows in words."""
        cells = [c.said([row[n] for row in self.rows]) for n, c in enumerate(self.columns)]
        return [[*line] for line in zip(*cells, strict=True)]

    @property
    def body(self) -> SafeString:
        """The rows as lines of a table; made here, since a template takes several times as long for hundreds."""
        lines = zip(self.said, self.rows, strict=True)
        return mark_safe("".join(f"<tr>{self._line(said, row)}</tr>" for said, row in lines))

    def _line(self, said: Sequence[str], row: Sequence[Any]) -> str:
        first, *others = map(escape, said)
        cells = [
            f'<td class="num">{_linked(cell, column, row)}</td>' if column.is_number else f"<td>{cell}</td>"
            for column, cell in zip(self.columns[1:], others, strict=True)
        ]
        return f'<th scope="row">{first}</th>{"".join(cells)}'

    @property
    def is_long(self) -> bool:
        """Whether the table is better scrolled by itself."""
        return len(self.rows) > 40

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows with the names of their columns."""
        return [{c.name: cell for c, cell in zip(self.columns, row, strict=True)} for row in self.rows]


def _linked(text: str, column: Column, row: Sequence[Any]) -> str:
    href = column.href(row) if column.href else ""
    return f'<a class="explained" href="{href}">{text}</a>' if href else text


@dataclass(frozen=True, slots=True)
class Here:
    """When and where a report is made."""

    now: datetime
    zone: ZoneInfo
    currency: str


def figure_column(
    name: str,
    title: str,
    metric_type: str,
    key: str,
    here: Here,
    href: Callable[[Sequence[Any]], str] | None = None,
) -> Column:
    """Return a column of figures of one key, all in one unit."""
    return Column(
        name,
        title,
        alike=lambda values: words_of_column(metric_type, key, here.currency, values),
        href=href,
    )


@lru_cache(maxsize=4096)
def day_words(day: date) -> str:
    """Return a day in words: Sun 8 Jun 2025."""
    return f"{day:%a} {day.day} {day:%b %Y}"


OPEN = "so far"
"""What is said beside the figures of a period that is not over yet."""


def open_column() -> Column:
    """Return a column that says of a line whether its period is not over yet."""
    return Column("is_open", "Is it over", lambda is_open: OPEN if is_open else "over", is_number=False)


def formed_href(asked_query: str, column: str) -> Callable[[Sequence[Any]], str]:
    """Return what gives a cell that the view itself forms the address of its explanation (`metrics.analytics.explained`)."""
    base = escape(f"{explain_address()}{asked_query}&formed=view&column={column}&line=")
    return lambda row: f"{base}{quote(str(row[0]))}"


def named_figure(metric_type: str, key: str, here: Here) -> str:
    """Return what the key is called."""
    return title_of(metric_type, key, here.currency)
