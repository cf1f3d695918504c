"""What needs attention, why, and where to look: the most urgent first."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from hmm.health import silent_services
from hmm.replica.route import connection
from metrics.dashboard.miner_table import TONES
from metrics.dashboard.shown import Shown
from metrics.query.conditions import Condition, MinerNow, condition_of, since

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


# The three are short, and asking for them one by one takes longer than finding them.
LOOKED_AT = """
SELECT jsonb_build_object(
    'beats', (SELECT coalesce(jsonb_object_agg(service, at), '{}') FROM hmm_heartbeat),
    'hot', (SELECT coalesce(jsonb_agg(jsonb_build_array(id, name, temperature_c, limit_c) ORDER BY temperature_c - limit_c DESC), '[]') FROM (
        SELECT miner.id, miner.name, latest.temperature_c, model.max_temperature_c AS limit_c
        FROM miners_miner miner
        JOIN miners_minermodel model ON model.id = miner.model_id
        JOIN miners_latestreading latest ON latest.miner_id = miner.id
        WHERE miner.retired_at IS NULL AND miner.state = 'online' AND latest.temperature_c > model.max_temperature_c
        ORDER BY latest.temperature_c - model.max_temperature_c DESC LIMIT %(most_hot)s) found),
    'unfetched', (SELECT coalesce(jsonb_agg(jsonb_build_array(name, fetch_error) ORDER BY id), '[]')
        FROM energy_tariff WHERE active AND fetch_error <> '')
)
"""


@dataclass(frozen=True, slots=True)
class HotMiner:
    """A miner whose last reading is above its model's limit."""

    id: int
    name: str
    temperature_c: float
    limit_c: float


def concerns(shown: Shown) -> list[Concern]:
    """Return what needs attention. Two queries."""
    now = shown.at.now
    with connection.cursor() as cursor:
        cursor.execute(LOOKED_AT, {"most_hot": MOST_HOT})
        found = json.loads(cursor.fetchone()[0])
    beats = {service: datetime.fromisoformat(at) for service, at in found["beats"].items()}
    return [
        *service_concerns(beats, now),
        *miner_concerns(shown.most_urgent, now),
        *hot_concerns([HotMiner(*hot) for hot in found["hot"]]),
        *(price_concern(name, error) for name, error in found["unfetched"]),
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


def hot_concerns(miners: Iterable[HotMiner]) -> list[Concern]:
    """Return the miners whose last reading is above their model's limit."""
    return [
        Concern(
            miner.name,
            "hot",
            "warn",
            None,
            f"{miner.temperature_c:.0f} °C, above the {miner.limit_c:.0f} °C of its model",
            reverse("metrics:miner", args=[miner.id]),
        )
        for miner in miners
    ]


def price_concern(tariff: str, error: str) -> Concern:
    """Return that a tariff's prices could not be fetched."""
    return Concern(tariff, "no new prices", "warn", None, error, reverse("metrics:system"))
