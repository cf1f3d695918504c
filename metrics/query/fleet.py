"""The miners as they are now, by their latest readings."""

from metrics.dashboard.conditions import MinerNow
from miners.models import LatestReading, Miner


def miners_now() -> list[MinerNow]:
    """Return every miner that is not retired, with its latest reading. One query."""
    miners = Miner.objects.filter(retired_at=None).select_related("latest", "model", "site")
    return [_miner_now(miner, getattr(miner, "latest", None)) for miner in miners]


def _miner_now(miner: Miner, latest: LatestReading | None) -> MinerNow:
    return MinerNow(
        id=miner.pk,
        name=miner.name,
        model=miner.model.name if miner.model else None,
        max_temperature_c=miner.model.max_temperature_c if miner.model else None,
        site_id=miner.site_id,
        poll_interval_s=miner.site.poll_interval_s,
        is_polled=bool(miner.enabled and miner.host),
        state=miner.state,
        state_reason=miner.state_reason,
        state_since=miner.state_since,
        reading_at=latest.timestamp if latest else None,
        hashrate_ghs=latest.hashrate_ghs if latest else None,
        power_w=latest.power_w if latest else None,
        temperature_c=latest.temperature_c if latest else None,
    )
