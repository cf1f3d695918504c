"""What the dashboard needs from the database, each in one query however many miners there are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from energy.points import PricePoint
from hmm.replica.route import connection
from metrics.dashboard.miner_table import LONGEST_STEP_S, SPARK_SPAN
from metrics.dashboard.prices import SHOWN_AFTER, SHOWN_BEFORE
from metrics.query import miners_now as miners_now  # the page and the terminal read it here
from metrics.query import open_metrics
from metrics.query.fleet_lines import SlotHashrate, slot_hashrates

# Slots never overlap, so that the one which runs into the stretch is the last that began before it.
ON_TARIFF = """
SELECT json_agg(json_build_array(since.site_id, tariff.id, tariff.name, tariff.currency, tariff.fetch_error, (
    SELECT json_agg(json_build_array(start, "end", pence_per_kwh) ORDER BY start) FROM energy_priceslot
    WHERE tariff_id = tariff.id AND start < %(until)s AND "end" > %(since)s AND start >= coalesce((
        SELECT max(start) FROM energy_priceslot WHERE tariff_id = tariff.id AND start <= %(since)s), '-infinity')
)) ORDER BY since.site_id)
FROM (
    SELECT DISTINCT ON (site_id) site_id, tariff_id FROM miners_sitetariff
    WHERE start_date <= %(today)s ORDER BY site_id, start_date DESC
) since JOIN energy_tariff tariff ON tariff.id = since.tariff_id
"""


@dataclass(frozen=True, slots=True)
class TariffShown:
    """What is shown of a tariff beside its prices."""

    pk: int
    name: str
    currency: str
    fetch_error: str


@dataclass(frozen=True, slots=True)
class SitePrices:
    """The tariff that a site is on, with its prices from a little before now to the end of what is published."""

    site_id: int
    tariff: TariffShown
    prices: list[PricePoint]


def site_prices(today: date, now: datetime) -> list[SitePrices]:
    """Return what each site pays on the local day `today`, in order of the sites. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ({ON_TARIFF})::text",
            {"today": today, "since": now - SHOWN_BEFORE, "until": now + SHOWN_AFTER},
        )
        return site_prices_of(json.loads(cursor.fetchone()[0] or "null"))


def site_prices_of(rows: Sequence[Sequence[Any]] | None) -> list[SitePrices]:
    """Return what ON_TARIFF gave."""
    return [
        SitePrices(site_id, TariffShown(*tariff), _points(points)) for site_id, *tariff, points in rows or ()
    ]


def reject_rates_today(now: datetime, miners: Sequence[int] | None = None) -> dict[int | None, float | None]:
    """Return every miner's, or these miners', reject rate (%) of the local day so far. Two queries."""
    figures = open_metrics(["reject_rate"], period="daily", entity_type="miner", miners=miners, now=now)
    return {miner_id: rows["reject_rate"].value_json["reject_rate"] for miner_id, rows in figures.items()}


def hashrate_slots(now: datetime, miners: Sequence[int] | None = None) -> list[SlotHashrate]:
    """Return every miner's, or these miners', average hashrate in each stored slot of the last 24 hours. One query.

    Reading a figure of the open day beforehand has the store filled up to the last slot that is over.
    """
    return slot_hashrates(now - SPARK_SPAN - timedelta(seconds=LONGEST_STEP_S), now, miners)


def _points(told: Sequence[tuple[str, str, float]] | None) -> list[PricePoint]:
    moment = datetime.fromisoformat
    return [PricePoint(moment(start), moment(end), float(pence)) for start, end, pence in told or ()]
