"""Is a miner fine? Its state and the age of its reading, taken together."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from miners.models import MinerState

FRESH_POLLS = 2.5
"""A reading older than this many poll intervals no longer says how the miner is."""

LEAST_FRESH = timedelta(seconds=90)
"""However often it is polled, a miner that is slow to answer once or twice is not called silent."""


@dataclass(frozen=True, slots=True)
class MinerNow:
    """A miner as last heard of; each figure is null where the device does not say."""

    id: int
    name: str
    model: str | None
    max_temperature_c: float | None
    site_id: int
    poll_interval_s: int
    is_polled: bool
    state: str
    state_reason: str
    state_since: datetime | None
    reading_at: datetime | None
    hashrate_ghs: float | None
    power_w: float | None
    temperature_c: float | None


class Condition(StrEnum):
    """What the dashboard calls a miner, the most urgent first."""

    UNREACHABLE = "unreachable"
    SILENT = "no readings"
    NOT_HASHING = "not hashing"
    NEW = "not polled yet"
    MAINTENANCE = "maintenance"
    HASHING = "hashing"
    UNPOLLED = "not polled"


CALLED = (Condition.UNREACHABLE, Condition.SILENT, Condition.NOT_HASHING)
"""The conditions for which somebody is called: no other is as urgent as any of these."""


def condition_of(miner: MinerNow, now: datetime) -> Condition:
    """Return the one condition that `miner` is in at `now`."""
    if miner.state == MinerState.MAINTENANCE:
        return Condition.MAINTENANCE
    if is_fresh(miner, now) and miner.state != MinerState.UNREACHABLE:
        return Condition.HASHING if (miner.hashrate_ghs or 0) > 0 else Condition.NOT_HASHING
    if not miner.is_polled:
        return Condition.UNPOLLED
    if miner.state == MinerState.UNREACHABLE:
        return Condition.UNREACHABLE
    return Condition.NEW if miner.state == MinerState.NEW else Condition.SILENT


def is_fresh(miner: MinerNow, now: datetime) -> bool:
    """Tell whether the miner's last reading still says how it is at `now`."""
    if miner.reading_at is None:
        return False
    return now - miner.reading_at <= max(FRESH_POLLS * timedelta(seconds=miner.poll_interval_s), LEAST_FRESH)


def is_known(miner: MinerNow, now: datetime) -> bool:
    """Tell whether the figures of the miner's last reading may be shown as its present ones."""
    return is_fresh(miner, now) and miner.state != MinerState.UNREACHABLE


def since(miner: MinerNow, condition: Condition) -> datetime | None:
    """Return when the miner got into this condition, as far as is known."""
    return miner.reading_at if condition is Condition.SILENT else miner.state_since
