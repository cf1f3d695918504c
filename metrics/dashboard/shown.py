"""What the blocks of a page have in common: each is read when the first block asks for it, and once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from metrics.dashboard import read
from metrics.dashboard.table_page import TablePage
from metrics.query.conditions import Condition, MinerNow
from metrics.query.fleet import FleetNow
from metrics.query.fleet_sql import Asked, fleet_now, some_miners
from metrics.query.today import FleetToday, fleet_today

MOST_URGENT = 8


@dataclass(frozen=True, slots=True)
class Present:
    """The moment a page is made for, and where: the installation's zone and currency."""

    now: datetime
    zone: ZoneInfo
    currency: str

    @property
    def today(self) -> date:
        """The local day."""
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class MinersShown:
    """A page of the table's miners, which page that is, and how many miners there are on all pages."""

    page: TablePage
    miners: list[MinerNow]
    found: int


class Shown:
    """What is shown at one moment.

    `types` are the metric types that blocks show of the open day, `asked` the page of the table of miners: without
    one there is no table. The first block that asks for figures of the day has those of all of them read.
    """

    def __init__(self, at: Present, types: Sequence[str] = (), asked: TablePage | None = None) -> None:
        self.at = at
        self._types = types
        self._asked = asked

    @cached_property
    def fleet(self) -> FleetNow:
        """The fleet now. One query."""
        return fleet_now(self.at.now)

    @cached_property
    def sites(self) -> list[read.SitePrices]:
        """What each site pays. One query."""
        return read.site_prices(self.at.today, self.at.now)

    @cached_property
    def today(self) -> FleetToday:
        """The day so far. Two queries."""
        ids = [miner.id for miner in self.table.miners] if self._asked else []
        return fleet_today(self._types, self.at.now, rejects_of=ids)

    @cached_property
    def table(self) -> MinersShown:
        """The miners of the page that is asked for, or of the last one where there are fewer pages. One query."""
        page = self._asked or TablePage()
        miners, found = some_miners(page.asked(), self.at.now)
        if not miners and found:
            page = replace(page, page=-(-found // page.asked().limit))
            miners, found = some_miners(page.asked(), self.at.now)
        return MinersShown(page, miners, found)

    @cached_property
    def most_urgent(self) -> list[MinerNow]:
        """The miners that need attention most, and maybe some more. No query where the table begins with them."""
        if self._asked == TablePage():
            return self.table.miners[:MOST_URGENT]
        return some_miners(Asked(down_to=Condition.NOT_HASHING, limit=MOST_URGENT), self.at.now)[0]
