"""What a miner would have told at each mark. Pure: a profile, a seed and a time have one answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, log10

from miners.generator.noise import Wander, flicker, seed_of
from miners.generator.profile import Profile, Status
from miners.generator.shares import expected_shares, poisson_at, share_difficulty
from miners.simulator.noise import day_wave
from miners.simulator.silicon import Silicon
from miners.telemetry.bulk import BulkRow

_TIDE_S = 6 * 3600
_WAVE_S = 3600


@dataclass(frozen=True, slots=True)
class Swing:
    """A share of the baseline, and how far it moves over hours, over minutes and from mark to mark."""

    centre: float
    tide: float
    wave: float
    flick: float

    def at(self, tide: float, wave: float, flick: float) -> float:
        """Return the share when these movements are so far, each in [−1, 1]."""
        return self.centre + self.tide * tide + self.wave * wave + self.flick * flick


# Each lies well within the band of its state in `profile`, so that rounding cannot leave that.
HASHRATE = {Status.ACTIVE: Swing(1.0, 0.05, 0.02, 0.02), Status.MAINTENANCE: Swing(0.125, 0.05, 0.01, 0.01)}
POWER = {Status.ACTIVE: Swing(1.0, 0.045, 0.015, 0.01), Status.MAINTENANCE: Swing(0.2, 0.07, 0.015, 0.01)}
WARMTH_C = {Status.ACTIVE: (-15.0, 3.0), Status.MAINTENANCE: (4.0, 1.5)}
"""Degrees above the miner's limit, and by how many the afternoon is warmer and the night colder than that."""

FAN_RPM = {Status.ACTIVE: (4_200.0, 360.0), Status.MAINTENANCE: (6_000.0, 40.0)}
"""The usual speed, and how much faster it is in the afternoon: a hot miner's fan is at its end."""


def series(profile: Profile, seed: int, marks: Iterable[int], cadence_s: int) -> Iterator[BulkRow]:
    """Yield the row of each of `marks`, seconds since 1970 in order, that stands for `cadence_s` before it."""
    if profile.status is Status.OFFLINE:
        return (_off(second, cadence_s) for second in marks)
    return _at_work(profile, seed, marks, cadence_s)


def _off(second: int, cadence_s: int) -> BulkRow:
    return BulkRow(datetime.fromtimestamp(second, UTC), cadence_s, 0.0, 0.0, None, None, 0, 0)


def _at_work(profile: Profile, seed: int, marks: Iterable[int], cadence_s: int) -> Iterator[BulkRow]:
    own = seed_of(seed, profile.name, "generated")
    tides, waves = Wander(own, _TIDE_S), Wander(own + 1, _WAVE_S)
    hashrates, powers = HASHRATE[profile.status], POWER[profile.status]
    hashrate_places, power_places = _places(profile.hashrate_ghs), _places(profile.power_w)
    (warmth_c, day_c), (rpm, day_rpm) = WARMTH_C[profile.status], FAN_RPM[profile.status]
    work_c = profile.limit_c + warmth_c
    difficulty = share_difficulty(profile.hashrate_ghs)
    lost = Silicon.of(seed, profile.name).reject_share
    for second in marks:
        tide, wave, flick, day = tides.at(second), waves.at(second), flicker(own, second), day_wave(second)
        hashrate_ghs = round(profile.hashrate_ghs * hashrates.at(tide, wave, flick.hashrate), hashrate_places)
        mean = expected_shares(hashrate_ghs, cadence_s, difficulty)
        yield BulkRow(
            datetime.fromtimestamp(second, UTC),
            cadence_s,
            round(profile.power_w * powers.at(tide, wave, flick.power), power_places),
            hashrate_ghs,
            round(work_c + day_c * day + tide + 0.5 * flick.temperature, 2),
            round(rpm + day_rpm * day + 40.0 * flick.temperature),
            poisson_at(mean * (1.0 - lost), flick.accepted),
            poisson_at(mean * lost, flick.rejected),
        )


def _places(baseline: float) -> int:
    """Return after how many decimals a value about this large is cut: two, more where it is small."""
    return max(2, 4 - floor(log10(baseline)))
