"""The miners as they are now, by their latest readings, and what they do together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Q, When

from hmm.lib.units import j_per_th
from metrics.query.conditions import Condition, MinerNow, condition_of, is_known, since
from miners.models import LatestReading, Miner


@dataclass(frozen=True, slots=True)
class FleetTotals:
    """Sums over the miners whose reading is known now, null where none says the figure."""

    hashrate_ghs: float | None
    power_w: float | None
    efficiency_j_per_th: float | None
    hashrate_miners: int
    power_miners: int
    polled_miners: int


@dataclass(frozen=True, slots=True)
class FleetNow:
    """How many miners are in each condition, since when the longest of them, and what they do together."""

    counts: Mapping[Condition, int]
    since: Mapping[Condition, datetime | None]
    totals: FleetTotals

    @property
    def size(self) -> int:
        """How many miners there are that are not retired."""
        return sum(self.counts.values())


def fleet_of(miners: Sequence[MinerNow], now: datetime) -> FleetNow:
    """Return what these miners are together at `now`."""
    conditions = [(condition_of(miner, now), miner) for miner in miners]
    moments: dict[Condition, list[datetime]] = {condition: [] for condition, _ in conditions}
    for condition, miner in conditions:
        if (moment := since(miner, condition)) is not None:
            moments[condition].append(moment)
    return FleetNow(
        counts=Counter(condition for condition, _ in conditions),
        since={condition: min(found, default=None) for condition, found in moments.items()},
        totals=totals(miners, now),
    )


READ = (
    "id",
    "name",
    "model__name",
    "model__max_temperature_c",
    "site_id",
    "site__poll_interval_s",
    Case(When(Q(enabled=True) & ~Q(host=""), then=True), default=False),
    "state",
    "state_reason",
    "state_since",
    "latest__timestamp",
    "latest__hashrate_ghs",
    "latest__power_w",
    "latest__temperature_c",
)
"""What MinerNow says, in its order."""


def miners_now(site_id: int | None = None) -> list[MinerNow]:
    """Return every miner that is not retired, or those at one site, with its latest reading. One query."""
    miners = Miner.objects.filter(retired_at=None)
    if site_id is not None:
        miners = miners.filter(site_id=site_id)
    return [MinerNow(*row) for row in miners.values_list(*READ)]


def miner_now(miner: Miner) -> MinerNow:
    """Return one miner with its latest reading, which is best selected along with its model and site."""
    return _miner_now(miner, getattr(miner, "latest", None))


def totals(miners: Sequence[MinerNow], now: datetime) -> FleetTotals:
    """Sum what the miners known at `now` do; the efficiency is over those that say both figures."""
    known = [miner for miner in miners if is_known(miner, now)]
    both = [miner for miner in known if miner.power_w is not None and miner.hashrate_ghs is not None]
    return FleetTotals(
        hashrate_ghs=_sum(known, lambda miner: miner.hashrate_ghs),
        power_w=_sum(known, lambda miner: miner.power_w),
        efficiency_j_per_th=j_per_th(
            _sum(both, lambda miner: miner.power_w), _sum(both, lambda miner: miner.hashrate_ghs)
        ),
        hashrate_miners=sum(miner.hashrate_ghs is not None for miner in known),
        power_miners=sum(miner.power_w is not None for miner in known),
        polled_miners=sum(miner.is_polled or miner in known for miner in miners),
    )


def main_site(miners: Sequence[MinerNow]) -> int | None:
    """Return the site that has the most miners, the first one in a tie."""
    sites = [miner.site_id for miner in miners]
    return min(set(sites), key=lambda site: (-sites.count(site), site), default=None)


def _miner_now(miner: Miner, latest: LatestReading | None) -> MinerNow:
    return MinerNow(
        id=miner.pk,
        name=miner.name,
        model=miner.model.name if miner.model else None,
        max_temperature_c=miner.model.max_temperature_c if miner.model else None,
        site_id=miner.site_id,
        poll_interval_s=miner.site.poll_interval_s,
        is_polled=bool(miner.enabled and miner.host),
        state=miner.state,
        state_reason=miner.state_reason,
        state_since=miner.state_since,
        reading_at=latest.timestamp if latest else None,
        hashrate_ghs=latest.hashrate_ghs if latest else None,
        power_w=latest.power_w if latest else None,
        temperature_c=latest.temperature_c if latest else None,
    )


def _sum(miners: Sequence[MinerNow], figure: Callable[[MinerNow], float | None]) -> float | None:
    found = [value for value in map(figure, miners) if value is not None]
    return sum(found) if found else None
