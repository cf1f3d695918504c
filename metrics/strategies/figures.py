"""The figures that a strategy ranks by: now from the latest readings, the last 24 hours from the store."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.query import NotComputedYet, prepared_state
from metrics.query.fleet_sql import MINERS
from metrics.strategies.past import past_of
from miners.models import Site, Tier
from miners.strategies.scores import MinerFigures

SPAN = timedelta(hours=24)

# Rated is the miner's own baseline, else what its model does by its data sheet.
AT_SITE = f"""
SELECT id, name, customer, tier, CASE WHEN is_known THEN power_w END, CASE WHEN is_known THEN hashrate_ghs END,
    rated_hashrate_ghs
FROM ({MINERS}) now WHERE site_id = %(site_id)s ORDER BY id
"""

TIERS = {tier.value: tier for tier in Tier}


def site_figures(site_id: int, now: datetime) -> list[MinerFigures]:
    """Return every miner at the site that is not retired, as it is at `now` and was in the last 24 hours that are stored.

    These end with the last slot that is over. Power and hashrate are null unless the last reading still says how the
    miner is. Two queries more than the preparing, three where these hours are new. Raises NotComputedYet.
    """
    state = prepared_state("slot", now - SPAN, now, now)
    over = state.cut.last_boundary("slot", now)
    until = min(over, state.marks.get("slot", over))
    miners = _miners_at(site_id, now)
    past = past_of([miner[0] for miner in miners], Bucket(until - SPAN, until), state)
    found = zip(miners, past, strict=True)
    return [
        MinerFigures(pk, name, customer, TIERS[tier], power_w, hashrate_ghs, rated_ghs, j_per_th, uptime)
        for (pk, name, customer, tier, power_w, hashrate_ghs, rated_ghs), (j_per_th, uptime) in found
    ]


def keep_figures(now: datetime) -> None:
    """Have what active strategies rank by of the last 24 hours read before somebody looks."""
    for site in Site.objects.filter(strategies__active=True).distinct():
        with suppress(NotComputedYet):  # the page says so, too
            site_figures(site.pk, now)


def _miners_at(site_id: int, now: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(AT_SITE, {"site_id": site_id, "now": now})
        return cursor.fetchall()
