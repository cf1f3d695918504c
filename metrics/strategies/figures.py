"""The figures that a strategy ranks by: now from the latest readings, the last 24 hours from the store."""

from datetime import datetime, timedelta
from typing import Any

from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.query import prepared_state
from metrics.query.fleet_sql import MINERS
from metrics.query.miner_keys import miner_keys
from miners.models import Tier
from miners.strategies.scores import MinerFigures

SPAN = timedelta(hours=24)
KEYS = (("efficiency", "j_per_th"), ("uptime", "uptime"))

# Rated is the miner's own baseline, else what its model does by its data sheet.
AT_SITE = f"""
SELECT now.id, now.name, m.customer, m.tier, CASE WHEN now.is_known THEN now.power_w END,
    CASE WHEN now.is_known THEN now.hashrate_ghs END,
    coalesce(nullif(m.baseline_hashrate_ghs, 0), model.reference_hashrate_ghs)
FROM ({MINERS}) now JOIN miners_miner m ON m.id = now.id LEFT JOIN miners_minermodel model ON model.id = m.model_id
WHERE m.site_id = %(site_id)s ORDER BY now.id
"""


def site_figures(site_id: int, now: datetime) -> list[MinerFigures]:
    """Return every miner at the site that is not retired, as it is at `now` and was in the last 24 hours that are stored.

    These end with the last slot that is over. Power and hashrate are null unless the last reading still says how the
    miner is. Two queries more than the preparing. Raises NotComputedYet.
    """
    state = prepared_state("slot", now - SPAN, now, now)
    over = state.cut.last_boundary("slot", now)
    until = min(over, state.marks.get("slot", over))
    miners = _miners_at(site_id, now)
    past = miner_keys(KEYS, [miner[0] for miner in miners], Bucket(until - SPAN, until), state)
    return [_figures(miner, *past.get(miner[0], (None, None))) for miner in miners]


def _miners_at(site_id: int, now: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(AT_SITE, {"site_id": site_id, "now": now})
        return cursor.fetchall()


TIERS = {tier.value: tier for tier in Tier}


def _figures(miner: tuple[Any, ...], j_per_th: float | None, uptime_percent: float | None) -> MinerFigures:
    miner_id, name, customer, tier, power_w, hashrate_ghs, rated_hashrate_ghs = miner
    return MinerFigures(
        miner_id,
        name,
        customer,
        TIERS[tier],
        power_w,
        hashrate_ghs,
        rated_hashrate_ghs,
        j_per_th,
        None if uptime_percent is None else uptime_percent / 100,
    )
