"""Energy and cost by the price that was paid: the slots of a range, grouped by their average price."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from hmm.replica.route import connection
from metrics.query.prepared import prepared_state

# Rounded: what was multiplied by a price and is divided by the energy again may come to a little less than that price.
BANDS = """
SELECT CASE WHEN coalesce(priced_j, 0) > 0
            THEN width_bucket(round((cost_pence / (priced_j / 3600000))::numeric, 6)::float8, %(edges)s::float8[])
            END AS band,
       sum(priced_j) / 3600000, sum(cost_pence) / 100, sum(greatest(0, energy_j - coalesce(priced_j, 0))) / 3600000
FROM metrics_rollup
WHERE period = 'slot' AND entity_type = %(entity_type)s AND timestamp >= %(start)s AND timestamp < %(end)s
  AND entity_id IS NOT DISTINCT FROM %(entity_id)s
GROUP BY band ORDER BY band
"""


@dataclass(frozen=True, slots=True)
class BandEnergy:
    """What was used at prices of a band: kWh that have a price, their cost, in whole units of the currency."""

    kwh: float
    cost: float


@dataclass(frozen=True, slots=True)
class EnergyByBand:
    """One entry for each band between the edges, and the kWh of which no price is known."""

    bands: list[BandEnergy]
    unpriced_kwh: float


def energy_by_band(
    *,
    edges: Sequence[float],
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> EnergyByBand:
    """Return the energy of the slots that are over and begin in [start, end), by the average price of each.

    `edges` rise and part the bands, in pence (cents) a kWh: a price on an edge is in the band above it. Of a site and
    the system a slot's price is the average of what its miners paid. One query more than the preparing.
    Raises NotComputedYet.
    """
    now = now or timezone.now()
    prepared_state("slot", start, end, now)
    params = {
        "edges": list(edges),
        "entity_type": entity_type,
        "entity_id": entity_id,
        "start": start,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(BANDS, params)
        rows = cursor.fetchall()
    found = {band: BandEnergy(kwh or 0.0, cost or 0.0) for band, kwh, cost, _ in rows if band is not None}
    return EnergyByBand(
        [found.get(band, BandEnergy(0.0, 0.0)) for band in range(len(edges) + 1)],
        sum(unpriced or 0.0 for *_, unpriced in rows),
    )
