"""All that the terminal shows, read at one moment by the readers of the web's dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from metrics.dashboard import read
from metrics.dashboard.blocks import Present, PriceBlock, fleet_summary, price_bars
from metrics.dashboard.fleet import FleetSummary
from metrics.dashboard.glance import Part
from metrics.dashboard.miner_table import (
    SPARK_SPAN,
    MinerRow,
    SlotHashrate,
    in_order,
    miner_rows,
    silence_notice,
    spark_series,
)
from metrics.dashboard.shown import Shown
from metrics.query import NotComputedYet, as_stored_meanwhile, metrics_in_range
from metrics.query.conditions import Condition, MinerNow
from metrics.query.fleet import fleet_of
from metrics.query.reading import one_reading
from metrics.terminal.thresholds import Level, miner_level, worst
from metrics.terminal.work import Work, read_work

Series = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of one moment. `summary` is None without any miner; `notice` says what concerns them all."""

    at: Present
    summary: FleetSummary | None
    fleet_series: Series
    miners: list[MinerRow]
    series: Mapping[int | None, Series]
    prices: list[PriceBlock]
    work: Work
    notice: str

    @property
    def level(self) -> Level:
        """The worst of everything shown."""
        miners = (miner_level(row.tone, row.is_hot) for row in self.miners)
        return worst([self.work.level, Level.WARN if self.notice else Level.GOOD, *miners])


@one_reading()
def take_snapshot(at: Present, lines: int | None = None) -> Snapshot:
    """Read everything, in a number of queries that does not depend on the number of miners.

    With `lines`, the height of the screen, rejects and series of no more miners than it can show.
    """
    shown = Shown(at, (Part.FLEET, Part.PRICES), ["energy_cost"])
    summary = fleet_summary(shown)  # first: reading today's energy has the store filled up to now
    fleet_series, not_right = _fleet_series(at.now)
    miners = in_order(read.miners_now(), at.now)
    seen = None if lines is None else [miner.id for miner in miners[:lines]]
    return Snapshot(
        at=at,
        summary=summary,
        fleet_series=fleet_series,
        # Without slots, lest each line gets the page's drawing: the terminal makes its own of the same series.
        miners=miner_rows(miners, (), read.reject_rates_today(at.now, seen), at.now),
        series=spark_series(read.hashrate_slots(at.now, seen), at.now),
        prices=price_bars(shown),
        work=read_work(at.now),
        notice=" · ".join(filter(None, [_silence(miners, at.now), not_right])),
    )


def _silence(miners: Sequence[MinerNow], now: datetime) -> str:
    return silence_notice(fleet_of(miners, now).counts.get(Condition.SILENT, 0))


def _fleet_series(now: datetime) -> tuple[Series, str]:
    """Return the fleet's line of the day, and why it is not what it will be, "" where it is right."""
    try:
        with as_stored_meanwhile() as meanwhile:
            rows = metrics_in_range(
                metric_type="hashrate",
                period="slot",
                start=now - SPARK_SPAN,
                end=now,
                entity_type="system",
                now=now,
            )
    except NotComputedYet as reason:
        return (), str(reason)
    slots = [SlotHashrate(None, int(row.timestamp.timestamp()), row.value_json["avg"]) for row in rows]
    return spark_series(slots, now).get(None, ()), meanwhile.words
