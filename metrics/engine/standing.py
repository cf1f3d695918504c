"""Standing charges, spread evenly over the local day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hmm.lib.buckets import Bucket, buckets
from metrics.engine.belonging import SiteTariffSpan


@dataclass(frozen=True, slots=True)
class Charge:
    """A tariff's standing charge during [start, end); `end` null is open."""

    tariff_id: int
    start: datetime
    end: datetime | None
    pence_per_day: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What is needed to say a site's standing charge: its tariffs, their charges, and the zone of its days."""

    tariffs: Sequence[SiteTariffSpan]
    charges: Sequence[Charge]
    zone: ZoneInfo

    def params(self, site_ids: Sequence[int], found: Sequence[Bucket]) -> dict[str, Any]:
        """Return the charge of each of these sites in each bucket, as parameters of a query."""
        pairs = [(site_id, b) for site_id in site_ids for b in found] if self.charges else []
        return {
            "standing_site": [site_id for site_id, _ in pairs],
            "standing_start": [b.start for _, b in pairs],
            "standing_pence": [standing_pence(s, b, self.tariffs, self.charges, self.zone) for s, b in pairs],
        }


def standing_pence(
    site_id: int, bucket: Bucket, tariffs: Sequence[SiteTariffSpan], charges: Sequence[Charge], zone: ZoneInfo
) -> float | None:
    """Return the share of the standing charge that falls in `bucket`, None unless it is known for all of it.

    Each local day's charge is spread evenly over its 23, 24 or 25 hours.
    """
    total = 0.0
    for day in buckets("daily", bucket.start, bucket.end, zone, 0):
        charge = _charge_at(site_id, day.start, tariffs, charges)
        if charge is None:
            return None
        share = min(day.end, bucket.end) - max(day.start, bucket.start)
        total += charge * share.total_seconds() / day.length_s
    return total


def _charge_at(
    site_id: int, moment: datetime, tariffs: Sequence[SiteTariffSpan], charges: Sequence[Charge]
) -> float | None:
    at = int(moment.timestamp())
    tariff = next((t.tariff_id for t in tariffs if t.site_id == site_id and t.start_s <= at < t.end_s), None)
    return next(
        (
            c.pence_per_day
            for c in charges
            if c.tariff_id == tariff and c.start <= moment and (c.end is None or moment < c.end)
        ),
        None,
    )
