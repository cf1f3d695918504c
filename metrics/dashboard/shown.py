"""What the blocks of a page have in common: each is read when the first block asks for it, and once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from hmm.lib.buckets import bucket_at
from metrics.dashboard.glance import Glance, Part, glance
from metrics.dashboard.read import SitePrices
from metrics.dashboard.table_page import TablePage
from metrics.query.conditions import MinerNow
from metrics.query.fleet import FleetNow
from metrics.query.prepared import open_state
from metrics.query.reading import ask_beside, told_beside
from metrics.query.today import FleetToday, fleet_today

HOURS = 24
"""Of so many stored hours lines are drawn."""


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

    @property
    def hours_since(self) -> datetime:
        """When the first of the last HOURS hours that are over began."""
        return bucket_at("hourly", self.now, self.zone, 0).start - timedelta(hours=HOURS)


@dataclass(frozen=True, slots=True)
class MinersShown:
    """A page of the table's miners, which page that is, and how many miners there are on all pages."""

    page: TablePage
    miners: list[MinerNow]
    found: int


class Shown:
    """What is shown at one moment.

    `parts` are what blocks show of the moment, `types` the metric types that they show of the open day, `asked` the page
    of the table of miners: without one there is no table. What is read of the moment comes with the engine's state
    where a figure of the day is shown too, so that all of it is one query.
    """

    def __init__(
        self,
        at: Present,
        parts: Iterable[Part],
        types: Sequence[str] = (),
        asked: TablePage | None = None,
    ) -> None:
        self.at = at
        self._types = types
        self._asked = asked
        self._beside = glance(parts, (asked or TablePage()).asked(), at.today, at.now, at.hours_since)
        if self._has_figures:
            ask_beside(self._beside)

    @cached_property
    def glance(self) -> Glance:
        """What there is at the moment. One query, or none where the state of the engine is read."""
        if self._has_figures:
            open_state("daily", self.at.now)  # has the store filled, of which lines are drawn
        return Glance(told_beside(self._beside))

    @cached_property
    def fleet(self) -> FleetNow:
        """The fleet now."""
        return self.glance.fleet

    @cached_property
    def sites(self) -> list[SitePrices]:
        """What each site pays."""
        return self.glance.sites

    @cached_property
    def today(self) -> FleetToday:
        """The day so far. One query, and that of the engine's state."""
        ids = [miner.id for miner in self.table.miners] if self._asked else []
        return fleet_today(self._types, self.at.now, rejects_of=ids)

    @cached_property
    def table(self) -> MinersShown:
        """The miners of the page that is asked for, or of the last one where there are fewer pages."""
        page = self._asked or TablePage()
        miners, found = self.glance.page
        last = max(1, -(-found // page.length))
        return MinersShown(replace(page, page=min(page.page, last)), miners, found)

    @property
    def _has_figures(self) -> bool:
        return bool(self._types or self._asked)
