"""What needs attention, why, and where to look: the most urgent first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.urls import reverse

from energy.models import Tariff
from hmm.health import silent_services
from hmm.models import Heartbeat
from metrics.dashboard.miner_table import TONES
from metrics.dashboard.shown import Shown
from metrics.query.conditions import Condition, MinerNow, condition_of, since
from miners.models import LatestReading

MOST_HOT = 5
CALLED = (Condition.UNREACHABLE, Condition.SILENT, Condition.NOT_HASHING)


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
    """Return what needs attention. Four queries."""
    now = shown.at.now
    services = dict(Heartbeat.objects.values_list("service", "at"))
    tariffs = Tariff.objects.filter(active=True).exclude(fetch_error="").order_by("pk")
    return [
        *service_concerns(services, now),
        *miner_concerns(shown.most_urgent, now),
        *hot_concerns(_hot()),
        *(price_concern(tariff) for tariff in tariffs),
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
            reverse("metrics:miner", args=[miner.id]),
        )
        for miner, condition in called
        if condition in CALLED
    ]


def hot_concerns(readings: Sequence[LatestReading]) -> list[Concern]:
    """Return the miners whose last reading is above their model's limit."""
    return [
        Concern(
            reading.miner.name,
            "hot",
            "warn",
            None,
            f"{reading.temperature_c:.0f} °C, above the {reading.limit_c:.0f} °C of its model",  # type: ignore[attr-defined]
            reverse("metrics:miner", args=[reading.miner_id]),
        )
        for reading in readings
    ]


def price_concern(tariff: Tariff) -> Concern:
    """Return that a tariff's prices could not be fetched."""
    return Concern(tariff.name, "no new prices", "warn", None, tariff.fetch_error, reverse("metrics:system"))


def _hot() -> list[LatestReading]:
    found = (
        LatestReading.objects.filter(miner__retired_at=None, miner__state="online")
        .annotate(limit_c=F("miner__model__max_temperature_c"))
        .filter(temperature_c__gt=F("limit_c"))
        .select_related("miner")
        .order_by(F("limit_c") - F("temperature_c"))
    )
    return list(found[:MOST_HOT])
