"""What a miner is like: its state, what it does at full work, and within which limits its rows lie. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from miners.models import Miner, MinerState
from miners.telemetry.regular import Limits
from miners.telemetry.rules import BOUNDS

DEFAULT_HASHRATE_GHS = 110_000.0
DEFAULT_POWER_W = 3_000.0
DEFAULT_LIMIT_C = 80.0
LIMITS_C = (40.0, 120.0)
"""A model's limit of temperature is believed between these."""


class Status(StrEnum):
    """How a miner works."""

    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Profile:
    """A miner to make rows of. `limit_c`: above that it is hot."""

    miner_id: int
    name: str
    status: Status
    hashrate_ghs: float
    power_w: float
    limit_c: float = DEFAULT_LIMIT_C


@dataclass(frozen=True, slots=True)
class Band:
    """What of its baseline a miner shows in a state."""

    low: float
    high: float


HASHRATE = {Status.ACTIVE: Band(0.9, 1.1), Status.MAINTENANCE: Band(0.05, 0.2), Status.OFFLINE: Band(0, 0)}
POWER = {Status.ACTIVE: Band(0.92, 1.08), Status.MAINTENANCE: Band(0.1, 0.3), Status.OFFLINE: Band(0, 0)}
WARMTH_C = {Status.ACTIVE: Band(-20.0, -10.0), Status.MAINTENANCE: Band(0.0, 8.0)}
"""Degrees above the miner's limit. A miner that is off tells no temperature."""

Recent = tuple[float | None, float | None]
"""Average hashrate in GH/s and power in W of late, where there are any."""


def status_of(miner: Miner) -> Status:
    """Return how `miner` works. Unreachable is unknown, so that it counts as active."""
    if miner.maintenance or miner.state == MinerState.MAINTENANCE:
        return Status.MAINTENANCE
    return Status.OFFLINE if miner.state == MinerState.OFFLINE else Status.ACTIVE


def profile_of(miner: Miner, recent: Recent = (None, None)) -> Profile:
    """Return the profile of `miner`, each of its baselines the first that is known of: its own, what it did of late,
    its model's reference, and 110 TH/s or 3,000 W.
    """
    model = miner.model
    reference = (model.reference_hashrate_ghs, model.reference_power_w) if model else (None, None)
    return Profile(
        miner.pk,
        miner.name,
        status_of(miner),
        _first("hashrate_ghs", miner.baseline_hashrate_ghs, recent[0], reference[0], DEFAULT_HASHRATE_GHS),
        _first("power_w", miner.baseline_power_w, recent[1], reference[1], DEFAULT_POWER_W),
        _limit_c(model.max_temperature_c if model else None),
    )


def has_own_baseline(miner: Miner) -> bool:
    """Return whether nothing else needs to be asked for a baseline of `miner`."""
    return _is_usable("hashrate_ghs", miner.baseline_hashrate_ghs) and _is_usable(
        "power_w", miner.baseline_power_w
    )


def least_working_ghs(miner: Miner) -> float:
    """Return above which hashrate in GH/s a row of `miner` says what it does at full work."""
    reference_ghs = miner.model.reference_hashrate_ghs if miner.model else None
    return reference_ghs / 2 if reference_ghs and _is_usable("hashrate_ghs", reference_ghs) else 0.0


def limits_of(profile: Profile) -> Limits:
    """Return within what the rows of `profile` lie."""
    warmth_c = WARMTH_C.get(profile.status)
    return Limits(
        profile.miner_id,
        *_scaled(HASHRATE[profile.status], profile.hashrate_ghs),
        *_scaled(POWER[profile.status], profile.power_w),
        *((profile.limit_c + warmth_c.low, profile.limit_c + warmth_c.high) if warmth_c else (None, None)),
    )


def _scaled(band: Band, baseline: float) -> tuple[float, float]:
    return band.low * baseline, band.high * baseline


def _first(quantity: str, *values: float | None) -> float:
    return next(value for value in values if value is not None and _is_usable(quantity, value))


def _is_usable(quantity: str, value: float | None) -> bool:
    """Return whether rows 10 % above `value` can be stored, which must be more than nothing."""
    return value is not None and isfinite(value) and 0 < value * 1.1 <= BOUNDS[quantity][1]


def _limit_c(told: float | None) -> float:
    return DEFAULT_LIMIT_C if told is None else min(max(told, LIMITS_C[0]), LIMITS_C[1])
