"""The fleet now, in one picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from hmm.installation import installation
from hmm.replica.route import connection
from metrics.query.conditions import Condition
from metrics.query.fleet import FleetTotals
from metrics.query.fleet_sql import fleet_now, main_site_now
from metrics.query.jobs import JobStatistics, QueueDepth, job_statistics, queue_depth
from metrics.query.today import EnergyToday, energy_today
from miners.models import Miner, MinerState

JOBS_SPAN = timedelta(hours=24)
"""How far back runs of jobs are counted."""

PRICES_NOW = """
SELECT site.id, site.name, tariff.id, tariff.name, tariff.currency, slot.pence_per_kwh, slot."end"
FROM miners_site site
CROSS JOIN LATERAL (
    SELECT tariff_id FROM miners_sitetariff
    WHERE site_id = site.id AND start_date <= %(today)s ORDER BY start_date DESC LIMIT 1
) since
JOIN energy_tariff tariff ON tariff.id = since.tariff_id
LEFT JOIN LATERAL (
    SELECT pence_per_kwh, "end" FROM energy_priceslot
    WHERE tariff_id = tariff.id AND start <= %(now)s ORDER BY start DESC LIMIT 1
) slot ON slot."end" > %(now)s
ORDER BY site.id
"""


@dataclass(frozen=True, slots=True)
class SitePrice:
    """What a site pays now, in hundredths of the tariff's currency; null where it is not known."""

    site_id: int
    site_name: str
    tariff_id: int
    tariff_name: str
    currency: str
    pence_per_kwh: float | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The fleet at one moment.

    `states` and `conditions` count the miners that are not retired; `now` sums the readings that still say how
    miners are; `today` is the system's local day so far, null without data; `price` is that of the site with most
    miners; `jobs` are the runs of the last 24 hours.
    """

    at: datetime
    currency: str
    states: Mapping[str, int]
    conditions: Mapping[str, int]
    now: FleetTotals
    today: EnergyToday | None
    price: SitePrice | None
    prices: list[SitePrice]
    jobs: JobStatistics
    queue: QueueDepth


def summary(now: datetime | None = None) -> Summary:
    """Return the fleet at `now`: miners, hashrate, power and efficiency, today's energy, price, jobs, queue.

    Eight queries, however many miners there are. Raises NotComputedYet.
    """
    now = now or timezone.now()
    currency = installation().currency
    fleet, prices, main = fleet_now(now), prices_now(now), main_site_now()
    return Summary(
        at=now,
        currency=currency,
        states=_states(),
        conditions={condition.value: fleet.counts.get(condition, 0) for condition in Condition},
        now=fleet.totals,
        today=energy_today(now, currency),
        price=next((price for price in prices if price.site_id == main), None),
        prices=prices,
        jobs=job_statistics(start=now - JOBS_SPAN, end=now)[0],
        queue=queue_depth(now),
    )


def _states() -> dict[str, int]:
    counted = Miner.objects.filter(retired_at=None).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(MinerState.values, 0) | dict(counted)


def prices_now(now: datetime) -> list[SitePrice]:
    """Return what each site that has a tariff pays at `now`, in order of the sites. One query."""
    today = now.astimezone(installation().zone).date()
    with connection.cursor() as cursor:
        cursor.execute(PRICES_NOW, {"today": today, "now": now})
        return [SitePrice(*row) for row in cursor.fetchall()]
