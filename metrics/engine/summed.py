"""What readers know of the open slot without its telemetry: the sums of `open_sums`, and whether they still hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from metrics.engine.farm import moment
from metrics.engine.open_sums import LASTS, bits_in
from metrics.sketches.read import Cells

AT_ONCE = timedelta(minutes=10)
"""What changes something further back, as a late row does, is shown at once."""

# Ranges of the open slot that `sum_open` has not taken away.
SUMMED = f"""
(SELECT jsonb_build_object('hour', o.hour, 'start', o.start, 'end', o."end", 'farm', o.farm, 'reaches_on', o.reaches_on,
    'sites', o.sites, 'cells', o.cells, 'miners', o.miners, 'news', count(d.id),
    'corrected', coalesce(bool_or(d.kind <> 'miner' OR d."end" <= o."end" - interval '{AT_ONCE.seconds} s'), FALSE))
 FROM metrics_opensums o
 LEFT JOIN hmm_dirtyrange d ON d."end" > o.start AND d.start < %(now)s AND d.kind <> 'pool'
 WHERE o.start = (SELECT filled_to FROM metrics_watermark WHERE period = 'slot') GROUP BY o.id)
"""

SUMS = (
    "SELECT entity_id, timestamp, {names} FROM json_populate_recordset(NULL::metrics_rollup, %(told)s::json)"
)
"""The sums of the open slot as rows of sites; `told` are `Summed.sites` in JSON, `names` the columns that are needed."""


@dataclass(frozen=True, slots=True)
class Summed:
    """Sites' rows of [start, end) as JSON objects of the store's columns, and each site's miners there, as bits.

    `cells` are what the sketches of sites would be since the stored hours end.

    `has_news`: more has been told since; `is_corrected`: of what is not just now. `reaches_on`: what had been told by
    then says something of the time after `end`.
    """

    start: datetime
    end: datetime
    sites: list[dict[str, Any]]
    cells: Cells
    miners: Mapping[int, int]
    has_news: bool
    is_corrected: bool
    reaches_on: bool

    def miners_of(self, site_id: int | None = None) -> int:
        """Return the miners that did something, as bits: those at one site, or all."""
        return reduce(or_, self.miners.values(), 0) if site_id is None else self.miners.get(site_id, 0)

    def as_of(self, now: datetime, lasts: timedelta | None = None) -> datetime | None:
        """Return up to when these sums are shown at `now`: to then, or to their end; None where they must not be.

        Their end may be later: somebody else has summed while the reader waited. `lasts` is for how long they are shown
        although more has been told, LASTS unless given.
        """
        lasts = LASTS if lasts is None else lasts
        if now < self.end:
            return self.end if self.end - now <= lasts else None
        if not self.has_news and (not self.reaches_on or now == self.end):
            return now
        return self.end if now - self.end <= lasts and not self.is_corrected else None


@dataclass(frozen=True, slots=True)
class SummedAt:
    """Sums, and the moment up to which they say everything."""

    sums: Summed
    as_of: datetime


def summed_of(raw: dict[str, Any] | None, farm: str) -> Summed | None:
    """Return what SUMMED gave, None where there is nothing or `farm` is another version than it was made with."""
    if raw is None or raw["farm"] != farm:
        return None
    return Summed(
        start=moment(raw["start"]),
        end=moment(raw["end"]),
        sites=raw["sites"],
        cells=Cells(moment(raw["hour"]), *raw["cells"]),
        miners={int(site_id): bits_in(text) for site_id, text in raw["miners"].items()},
        has_news=bool(raw["news"]),
        is_corrected=raw["corrected"],
        reaches_on=raw["reaches_on"],
    )
