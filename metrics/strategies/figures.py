"""The figures that a strategy ranks by: now from the latest readings, the last 24 hours from the store."""

from datetime import datetime, timedelta

from metrics.query import aggregate, miners_now
from metrics.query.conditions import MinerNow, is_known
from miners.models import Miner, Tier
from miners.strategies.scores import MinerFigures

SPAN = timedelta(hours=24)


def site_figures(site_id: int, now: datetime) -> list[MinerFigures]:
    """Return every miner at the site that is not retired, as it is at `now` and was in the slots of the last 24 hours.

    Power and hashrate are null unless the last reading still says how the miner is. The number of queries does not
    depend on the number of miners. Raises NotComputedYet.
    """
    j_per_th = _last_day("efficiency", "j_per_th", now)
    uptime_percent = _last_day("uptime", "uptime", now)
    kept = Miner.objects.filter(site_id=site_id, retired_at=None).select_related("model").in_bulk()
    return [
        _figures(miner, kept[miner.id], j_per_th.get(miner.id), uptime_percent.get(miner.id), now)
        for miner in miners_now(site_id)
        if miner.id in kept
    ]


def _figures(
    miner: MinerNow, kept: Miner, j_per_th: float | None, uptime_percent: float | None, now: datetime
) -> MinerFigures:
    known = is_known(miner, now)
    return MinerFigures(
        miner_id=miner.id,
        name=miner.name,
        customer=kept.customer,
        tier=Tier(kept.tier),
        power_w=miner.power_w if known else None,
        hashrate_ghs=miner.hashrate_ghs if known else None,
        rated_hashrate_ghs=_rated_hashrate_ghs(kept),
        j_per_th=j_per_th,
        uptime=None if uptime_percent is None else uptime_percent / 100,
    )


def _rated_hashrate_ghs(miner: Miner) -> float | None:
    """Return the miner's own baseline, else what its model does by its data sheet."""
    return miner.baseline_hashrate_ghs or (miner.model.reference_hashrate_ghs if miner.model else None)


def _last_day(metric_type: str, key: str, now: datetime) -> dict[int | None, float | None]:
    figures = aggregate(
        metric_type=metric_type, period="slot", start=now - SPAN, end=now, entity_type="miner", now=now
    )
    return {figure.entity_id: figure.value_json[key] for figure in figures}
