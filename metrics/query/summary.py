"""The fleet now, in one picture."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from hmm.installation import installation
from hmm.replica.route import connection
from metrics.query.conditions import Condition, condition_of
from metrics.query.fleet import FleetTotals, main_site, miners_now, totals
from metrics.query.jobs import JobStatistics, QueueDepth, job_statistics, queue_depth
from metrics.query.today import EnergyToday, energy_today
from miners.models import MinerState

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

    Six queries, however many miners there are. Raises NotComputedYet.
    """
    now = now or timezone.now()
    currency = installation().currency
    miners, prices = miners_now(), prices_now(now)
    conditions = Counter(condition_of(miner, now) for miner in miners)
    states = Counter(miner.state for miner in miners)
    return Summary(
        at=now,
        currency=currency,
        states={state: states[state] for state in MinerState.values},
        conditions={condition.value: conditions[condition] for condition in Condition},
        now=totals(miners, now),
        today=energy_today(now, currency),
        price=next((price for price in prices if price.site_id == main_site(miners)), None),
        prices=prices,
        jobs=job_statistics(start=now - JOBS_SPAN, end=now)[0],
        queue=queue_depth(now),
    )


def prices_now(now: datetime) -> list[SitePrice]:
    """Return what each site that has a tariff pays at `now`, in order of the sites. One query."""
    today = now.astimezone(installation().zone).date()
    with connection.cursor() as cursor:
        cursor.execute(PRICES_NOW, {"today": today, "now": now})
        return [SitePrice(*row) for row in cursor.fetchall()]
