"""What needs attention, why, and where to look: the most urgent first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from hmm.health import silent_services
from metrics.dashboard.glance import HotMiner
from metrics.dashboard.miner_table import TONES, miner_address
from metrics.dashboard.shown import Shown
from metrics.query.conditions import CALLED, Condition, MinerNow, condition_of, since


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing to look at: whose, what, since when, why, and its page."""

    who: str
    what: str
    tone: str
    since: datetime | None
    why: str
    href: str


def concerns(shown: Shown) -> list[Concern]:
    """Return what needs attention."""
    now, found = shown.at.now, shown.glance
    return [
        *service_concerns(found.beats, now),
        *miner_concerns(found.urgent, now),
        *hot_concerns(found.hot),
        *(price_concern(name, error) for name, error in found.unfetched),
    ]


def service_concerns(beats: Mapping[str, datetime], now: datetime) -> list[Concern]:
    """Return the services that must live and do not."""
    why = {
        "collector": "nobody asks the miners; figures stand still",
        "worker": "nobody computes figures or fetches prices",
    }
    return [
        Concern(name, "silent", "bad", beats.get(name), why.get(name, ""), reverse("metrics:system"))
        for name in silent_services(dict(beats), now)
    ]


def miner_concerns(miners: Sequence[MinerNow], now: datetime) -> list[Concern]:
    """Return the miners that should hash and do not."""
    called = [(miner, condition_of(miner, now)) for miner in miners]
    return [
        Concern(
            miner.name,
            condition.value,
            TONES[condition],
            since(miner, condition),
            miner.state_reason if condition is not Condition.SILENT else "",
            miner_address(miner.id),
        )
        for miner, condition in called
        if condition in CALLED
    ]


def hot_concerns(miners: Iterable[HotMiner]) -> list[Concern]:
    """Return the miners whose last reading is above their model's limit."""
    return [
        Concern(
            miner.name,
            "hot",
            "warn",
            None,
            f"{miner.temperature_c:.0f} °C, above the {miner.limit_c:.0f} °C of its model",
            miner_address(miner.id),
        )
        for miner in miners
    ]


def price_concern(tariff: str, error: str) -> Concern:
    """Return that a tariff's prices could not be fetched."""
    return Concern(tariff, "no new prices", "warn", None, error, reverse("metrics:system"))
