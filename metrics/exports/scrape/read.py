"""What a scrape needs from the database: a number of queries that does not grow with the fleet."""

import logging
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.conf import settings

from energy.points import PricePoint
from hmm.installation import installation
from hmm.models import Heartbeat, JobRun
from hmm.task_queue import queued_tasks
from metrics.dashboard.read import SitePrices, miners_now, site_prices
from metrics.models import Watermark
from metrics.query import NotComputedYet
from metrics.query.conditions import MinerNow
from metrics.query.today import EnergyToday, energy_today
from miners.models import Site
from miners.telemetry.read import Latest, latest_telemetry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """A miner, where it is, and its last reading."""

    miner: MinerNow
    site: str
    reading: Latest | None


@dataclass(frozen=True, slots=True)
class SitePrice:
    """What a site pays at this moment, in hundredths of `currency`."""

    site: str
    tariff: str
    currency: str
    pence_per_kwh: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at `now`. `today` is null where today's figures cannot be had at once."""

    now: datetime
    version: str
    currency: str
    devices: Sequence[Device]
    prices: Sequence[SitePrice]
    today: EnergyToday | None
    last_runs: Sequence[JobRun]
    last_successes: Sequence[JobRun]
    queued: int | None
    beats: Mapping[str, datetime]
    filled_to: Mapping[str, datetime]


def take_picture(now: datetime) -> Picture:
    """Read how everything is. Eleven queries, however many miners."""
    here = installation()
    miners = miners_now()
    prices = site_prices(now.astimezone(here.zone).date(), now)
    # Last: a miner's site may have been added just before it.
    sites = dict(Site.objects.values_list("pk", "name"))
    return Picture(
        now=now,
        version=version(),
        currency=here.currency,
        devices=_devices(miners, sites),
        prices=_prices(prices, sites, now),
        today=_today(now, here.currency),
        last_runs=_last(success=None),
        last_successes=_last(success=True),
        queued=queued_tasks(),
        beats=dict(Heartbeat.objects.values_list("service", "at")),
        filled_to=dict(Watermark.objects.values_list("period", "filled_to")),
    )


@cache
def version() -> str:
    """Return the version of HMM."""
    with open(settings.BASE_DIR / "pyproject.toml", "rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _devices(miners: Iterable[MinerNow], sites: Mapping[int, str]) -> list[Device]:
    known = [miner for miner in miners if miner.site_id in sites]
    readings = latest_telemetry(miner.id for miner in known)
    return [Device(miner, sites[miner.site_id], readings.get(miner.id)) for miner in known]


def _prices(rows: Iterable[SitePrices], sites: Mapping[int, str], now: datetime) -> list[SitePrice]:
    found = [(row, _price_at(row, now)) for row in rows if row.site_id in sites]
    return [
        SitePrice(sites[row.site_id], row.tariff.name, row.tariff.currency, price.pence_per_kwh)
        for row, price in found
        if price is not None
    ]


def _price_at(row: SitePrices, now: datetime) -> PricePoint | None:
    return next((price for price in row.prices if price.start <= now < price.end), None)


def _today(now: datetime, currency: str) -> EnergyToday | None:
    try:
        return energy_today(now, currency)
    except NotComputedYet as error:
        logger.warning("today's cost and energy are missing from /metrics: %s", error)
        return None


def _last(*, success: bool | None) -> list[JobRun]:
    """Return the last run of each job, or the last one that went well."""
    runs = JobRun.objects.all() if success is None else JobRun.objects.filter(success=success)
    return list(runs.order_by("name", "-started_at").distinct("name").defer("error"))
