"""Which page of the table of miners is asked for: parsed from an address, and written into the next ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from metrics.query.conditions import Condition
from metrics.query.fleet_sql import SORTS, Asked

ON_A_PAGE = 25
CHOICES = (ON_A_PAGE, 50, 100)
"""How many miners a page may show."""

LONGEST_SEARCH = 100

TITLES = {
    "name": "Miner",
    "state": "State",
    "hashrate": "Hashrate",
    "power": "Power, W",
    "temperature": "Temp., °C",
    "efficiency": "J/TH",
    "": "Rejects today, %",
    "spark": "Hashrate, 24 h",
    "reading": "Reading",
}
"""The columns by what they sort by; those of the last 24 hours do not sort."""

WORDS = ("name", "state", "spark")
BEST_FIRST_DESCENDS = ("hashrate", "power", "temperature", "reading")


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page of the table; `state` is a condition's name, empty for all; `rows` how many miners it shows, 0 for the usual."""

    sort: str = "state"
    descending: bool = False
    state: str = ""
    search: str = ""
    page: int = 1
    rows: int = 0

    @property
    def length(self) -> int:
        """How many miners a page shows."""
        return self.rows or ON_A_PAGE

    @property
    def query(self) -> str:
        """The query of its address, without what is usual."""
        given = {
            "sort": self.sort if self.sort != "state" else "",
            "order": "desc" if self.descending else "",
            "state": self.state,
            "q": self.search,
            "rows": str(self.rows) if self.rows else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        found = urlencode({name: value for name, value in given.items() if value})
        return f"?{found}" if found else ""

    @property
    def sorts(self) -> list[tuple[str, str]]:
        """Every way to sort, and its title."""
        return [(key, TITLES[key]) for key in SORTS]

    @property
    def states(self) -> list[str]:
        """Every condition that can be asked for."""
        return [condition.value for condition in Condition]

    def asked(self) -> Asked:
        """Return what to ask the database for."""
        return Asked(
            sort=self.sort,
            descending=self.descending,
            condition=Condition(self.state) if self.state else None,
            search=self.search,
            limit=self.length,
            offset=(self.page - 1) * self.length,
        )


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; `query` sorts by it, None where nothing can; `order` is how it is sorted by now."""

    key: str
    title: str
    is_number: bool
    query: str | None
    order: str


@dataclass(frozen=True, slots=True)
class Length:
    """How many miners a page could show; `query` has it show so many, which it `is_chosen` to do or not."""

    rows: int
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Pages:
    """This page among all; `before` and `after` are the queries of those beside it, None at the ends.

    `lengths` are those that make a difference.
    """

    first: int
    last: int
    found: int
    before: str | None
    after: str | None
    lengths: list[Length]


def table_page(given: Mapping[str, str]) -> TablePage:
    """Return the page that an address asks for; what it asks wrongly is as if it did not."""
    sort, state, page, rows = (given.get(name, "") for name in ("sort", "state", "page", "rows"))
    return TablePage(
        sort=sort if sort in SORTS else "state",
        descending=given.get("order") == "desc",
        state=state if state in list(Condition) else "",
        search=given.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH],
        page=max(1, int(page)) if page.isascii() and page.isdecimal() and len(page) < 7 else 1,
        rows=next((choice for choice in CHOICES if rows == str(choice) and choice != ON_A_PAGE), 0),
    )


def columns(asked: TablePage) -> list[Column]:
    """Return the columns; a second click on one turns its order round."""
    return [_column(key, title, asked) for key, title in TITLES.items()]


def pages(asked: TablePage, found: int) -> Pages:
    """Return where `asked` is among `found` miners."""
    first = (asked.page - 1) * asked.length
    return Pages(
        first=min(first + 1, found),
        last=min(first + asked.length, found),
        found=found,
        before=replace(asked, page=asked.page - 1).query or "?" if asked.page > 1 else None,
        after=replace(asked, page=asked.page + 1).query if first + asked.length < found else None,
        lengths=[_length(asked, rows) for rows in CHOICES] if found > ON_A_PAGE else [],
    )


def _length(asked: TablePage, rows: int) -> Length:
    other = replace(asked, rows=0 if rows == ON_A_PAGE else rows, page=1)
    return Length(rows, other.query or "?", is_chosen=rows == asked.length)


def _column(key: str, title: str, asked: TablePage) -> Column:
    if key not in SORTS:
        return Column(key, title, key not in WORDS, None, "none")
    is_sorted = asked.sort == key
    descending = not asked.descending if is_sorted else key in BEST_FIRST_DESCENDS
    query = replace(asked, sort=key, descending=descending, page=1).query or "?"
    order = ("descending" if asked.descending else "ascending") if is_sorted else "none"
    return Column(key, title, key not in WORDS, query, order)
