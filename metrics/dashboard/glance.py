"""What the dashboard shows of this moment, in one query: its blocks ask for parts of it, and each part is read once.

The figures of the day are not among it: `metrics.live` makes them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from metrics.dashboard.glance_sql import MOST_URGENT as MOST_URGENT
from metrics.dashboard.glance_sql import VITALS as VITALS  # whoever shows them asks for them here
from metrics.dashboard.glance_sql import Part, glance_of
from metrics.dashboard.miner_table import LONGEST_STEP_S, SPARK_SPAN, SlotHashrate
from metrics.dashboard.prices import SHOWN_AFTER, SHOWN_BEFORE
from metrics.dashboard.read import SitePrices, site_prices_of
from metrics.query.conditions import MinerNow
from metrics.query.fleet import FleetNow
from metrics.query.fleet_sql import Asked, asked_params, fleet_of_sums
from metrics.query.reading import Beside

MOST_HOT = 5


@dataclass(frozen=True, slots=True)
class HotMiner:
    """A miner whose last reading is above its model's limit."""

    id: int
    name: str
    temperature_c: float
    limit_c: float


Hour = tuple[int, float | None, float | None, float | None]
"""When it began, in seconds since 1970, and the figures of VITALS."""


class Glance:
    """What GLANCE gave; a part that was not asked for is not there."""

    def __init__(self, told: str) -> None:
        self._told: Mapping[str, Any] = json.loads(told)

    @property
    def fleet(self) -> FleetNow:
        """The fleet now, retired miners aside."""
        return fleet_of_sums([_sums(row) for row in self._told["fleet"] or ()])

    @property
    def main_site(self) -> int | None:
        """The site that has the most miners, the first one in a tie."""
        site_id: int | None = self._told["main_site"]
        return site_id

    @property
    def sites(self) -> list[SitePrices]:
        """What each site pays, in order of the sites."""
        return site_prices_of(self._told["prices"])

    @property
    def page(self) -> tuple[list[MinerNow], int]:
        """The miners of the page, and how many there are on all pages."""
        return _miners(self._told["page"]), self._told["found"]

    @property
    def lines(self) -> list[SlotHashrate]:
        """The average hashrate of the page's miners in each stored slot of the last 24 hours."""
        return [
            SlotHashrate(miner_id, start_s, hashrate_ghs)
            for miner_id, starts, averages in self._told["lines"] or ()
            for start_s, hashrate_ghs in zip(starts or (), averages or (), strict=True)
        ]

    @property
    def urgent(self) -> list[MinerNow]:
        """The miners that need attention most."""
        return _miners(self._told["urgent"])

    @property
    def beats(self) -> dict[str, datetime]:
        """When each service was last alive."""
        return {service: datetime.fromisoformat(at) for service, at in (self._told["beats"] or {}).items()}

    @property
    def hot(self) -> list[HotMiner]:
        """The hottest of the miners whose last reading is above their model's limit."""
        return [HotMiner(*hot) for hot in self._told["hot"] or ()]

    @property
    def unfetched(self) -> list[tuple[str, str]]:
        """The tariffs whose prices could not be fetched, and why."""
        return [(name, error) for name, error in self._told["unfetched"] or ()]

    @property
    def hours(self) -> Sequence[Hour]:
        """The system's stored hours since `hours_since`."""
        return [tuple(hour) for hour in self._told["hours"] or ()]


def glance(parts: Iterable[Part], asked: Asked, today: date, now: datetime, hours_since: datetime) -> Beside:
    """Return the query of these parts at `now` on the local day `today`, of the page `asked` of the table."""
    return Beside(
        glance_of(parts),
        {
            "today": today,
            "since": now - SHOWN_BEFORE,
            "until": now + SHOWN_AFTER,
            "lines_since": now - SPARK_SPAN - timedelta(seconds=LONGEST_STEP_S),
            "hours_since": hours_since,
            "most_hot": MOST_HOT,
            "sort": asked.sort,
            "descending": asked.descending,
            **asked_params(asked, now),
        },
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _sums(row: Sequence[Any]) -> tuple[Any, ...]:
    condition, miners, since, *sums = row
    return (condition, miners, _moment(since), *sums)


def _miners(rows: Sequence[Sequence[Any]] | None) -> list[MinerNow]:
    found = (list(row) for row in rows or ())
    return [MinerNow(*row[:9], *map(_moment, row[9:11]), *row[11:]) for row in found]
