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
    """Return the row of each of `marks`, seconds since 1970 in order, that stands for `cadence_s` before it."""
    if profile.status is Status.OFFLINE:
        return (_off(second, cadence_s) for second in marks)
    return map(_AtWork(profile, seed, cadence_s).row, marks)


def _off(second: int, cadence_s: int) -> BulkRow:
    return BulkRow(datetime.fromtimestamp(second, UTC), cadence_s, 0.0, 0.0, None, None, 0, 0)


class _AtWork:
    """A miner that hashes, much or little. Its rows are asked for in the order of time."""

    def __init__(self, profile: Profile, seed: int, cadence_s: int) -> None:
        self._cadence_s = cadence_s
        self._seed = seed_of(seed, profile.name, "generated")
        self._tide, self._wave = Wander(self._seed, _TIDE_S), Wander(self._seed + 1, _WAVE_S)
        self._hashrate_ghs, self._power_w = profile.hashrate_ghs, profile.power_w
        self._places = _places(profile.hashrate_ghs), _places(profile.power_w)
        self._hashrate, self._power = HASHRATE[profile.status], POWER[profile.status]
        warmth_c, self._day_c = WARMTH_C[profile.status]
        self._usual_c = profile.limit_c + warmth_c
        self._rpm, self._day_rpm = FAN_RPM[profile.status]
        self._difficulty = share_difficulty(profile.hashrate_ghs)
        self._lost = Silicon.of(seed, profile.name).reject_share

    def row(self, second: int) -> BulkRow:
        """Return the row that ends at `second`."""
        tide, wave, flick = self._tide.at(second), self._wave.at(second), flicker(self._seed, second)
        day = day_wave(second)
        hashrate_ghs = self._hashrate_ghs * self._hashrate.at(tide, wave, flick.hashrate)
        power_w = self._power_w * self._power.at(tide, wave, flick.power)
        shares = expected_shares(hashrate_ghs, self._cadence_s, self._difficulty)
        return BulkRow(
            datetime.fromtimestamp(second, UTC),
            self._cadence_s,
            round(power_w, self._places[1]),
            round(hashrate_ghs, self._places[0]),
            round(self._usual_c + self._day_c * day + tide + 0.5 * flick.temperature, 2),
            round(self._rpm + self._day_rpm * day + 40.0 * flick.temperature),
            poisson_at(shares * (1.0 - self._lost), flick.accepted),
            poisson_at(shares * self._lost, flick.rejected),
        )


def _places(baseline: float) -> int:
    """Return after how many decimals a value about this large is cut: two, more where it is small."""
    return max(2, 4 - floor(log10(baseline)))
