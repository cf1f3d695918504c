"""A device's past, as the collector would have stored it: made fast, and ending where the live device begins."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from miners.simulator.fleet import DeviceSpec
from miners.simulator.hardware import Hardware
from miners.simulator.misfortune import Misfortune
from miners.simulator.noise import ambient_c, room_seed, stream
from miners.simulator.poisson import poisson
from miners.simulator.silicon import Silicon

Row = tuple[datetime, int, float, float, float, int, int, int]
"""timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected."""

_HOUR_S = 3600
_DARK_EVERY_S = 6.0 * 86_400.0
_DARK_EVERY_WHEN_PRONE_S = 86_400.0
_DARK_S = (5 * 60, 90 * 60)
_ROOM_S = 600
_MEMORY_S = 900.0


@dataclass(frozen=True)
class _Stretch:
    """Whole seconds from `since` to `until` in which the device answered."""

    since: int
    until: int
    cold: bool
    """Whether it began with a boot after a power cut."""


def rows(spec: DeviceSpec, seed: int, start: datetime, end: datetime, cadence_s: int) -> Iterator[Row]:
    """Yield the readings of `spec` every `cadence_s` seconds in (`start`, `end`], oldest first.

    The device runs as it is set up, never curtailed. A row covers the time since the row before it when that
    is at most 2.5 cadences, else one cadence. While the device was dark there are no rows; it is never dark
    in the last hour, so that history runs on into the live values. `start` and `end` are aware and floored
    to whole seconds. Raises ValueError for a cadence below 1 s.
    """
    if cadence_s < 1:
        raise ValueError(f"a cadence of {cadence_s} s is none: give at least 1")
    first, last = math.floor(start.timestamp()), math.floor(end.timestamp())
    return _rows(_Past(spec, seed, cadence_s), _stretches(spec, seed, first, last), first)


def _rows(past: "_Past", stretches: list[_Stretch], first: int) -> Iterator[Row]:
    cadence_s = past.cadence_s
    before = first
    for stretch in stretches:
        begin = first + math.ceil((stretch.since - first) / cadence_s + 1) * cadence_s
        for stamp in range(begin, stretch.until + 1, cadence_s):
            gap_s = stamp - before
            before = stamp
            covered_s = gap_s if gap_s <= 2.5 * cadence_s else cadence_s
            yield past.row(stamp, covered_s, stamp - stretch.since if stretch.cold else None)


def _stretches(spec: DeviceSpec, seed: int, first: int, last: int) -> list[_Stretch]:
    prone = spec.misfortune is Misfortune.GOES_DARK
    every_s = _DARK_EVERY_WHEN_PRONE_S if prone else _DARK_EVERY_S
    rng = stream(seed, spec.name, "past darkness", first)
    stretches: list[_Stretch] = []
    since, cold = first, False
    while True:
        dark = since + round(rng.expovariate(1.0 / every_s))
        light = dark + rng.randint(*_DARK_S)
        if light > last - _HOUR_S:
            return [*stretches, _Stretch(since, last, cold)]
        stretches.append(_Stretch(since, dark, cold))
        since, cold = light, rng.random() < 0.5


class _Past:
    """One device's readings, drawn in order of time."""

    def __init__(self, spec: DeviceSpec, seed: int, cadence_s: int) -> None:
        self.cadence_s = cadence_s
        self._hardware: Hardware = spec.hardware
        self._settings = spec.settings
        self._silicon = Silicon.of(seed, spec.name)
        self._rng: Random = stream(seed, spec.name, "past", cadence_s)
        self._room = room_seed(seed)
        self._ghs, self._watts = self._silicon.steady(spec.hardware, spec.settings)
        self._forget = math.exp(-cadence_s / _MEMORY_S)
        self._fresh = math.sqrt(1.0 - self._forget * self._forget)
        self._mood = self._rng.gauss(0.0, 1.0)
        self._per_s = self._ghs / spec.hardware.share_interval_gh()
        self._block = -1
        self._room_c = self._steady_c = self._rpm = 0.0

    def row(self, stamp: int, covered_s: int, age_s: int | None) -> Row:
        """Return the row at `stamp`; `age_s` is the time since a boot, None when that is long ago."""
        gauss = self._rng.gauss
        if stamp // _ROOM_S != self._block:
            self._enter_block(stamp // _ROOM_S)
        self._mood = mood = self._forget * self._mood + self._fresh * gauss(0.0, 1.0)
        flicker = gauss(0.0, 1.0)
        up, temperature_c = 1.0, self._steady_c + 0.25 * flicker
        if age_s is not None and age_s < 12.0 * self._hardware.heat_s:
            up = 1.0 - math.exp(-age_s / self._hardware.warm_up_s)
            temperature_c -= (self._steady_c - self._room_c) * math.exp(-age_s / self._hardware.heat_s)
        found, lost = self._shares(covered_s, up)
        jitter = self._hardware.jitter
        return (
            datetime.fromtimestamp(stamp, UTC),
            covered_s,
            round(self._watts * (0.15 + 0.85 * up) * (1.0 + 0.002 * mood + 0.001 * flicker), 2),
            round(self._ghs * up * (1.0 + jitter * (0.18 * mood + 0.27 * flicker)), 2),
            round(temperature_c, 2),
            round(self._rpm * (1.0 + 0.006 * flicker)),
            found,
            lost,
        )

    def _shares(self, covered_s: int, up: float) -> tuple[int, int]:
        mean = self._per_s * covered_s * up
        lost = self._silicon.reject_share
        return poisson(self._rng, mean * (1.0 - lost)), poisson(self._rng, mean * lost)

    def _enter_block(self, block: int) -> None:
        """Settle what follows the room's temperature for the next ten minutes."""
        self._block = block
        self._room_c = ambient_c(self._room, (block + 0.5) * _ROOM_S)
        fan = self._hardware.fan_at(self._settings, self._watts, self._room_c)
        self._rpm = self._hardware.fan_max_rpm * fan / 100.0
        self._steady_c = self._silicon.steady_temperature_c(
            self._hardware, self._settings, self._watts, self._room_c
        )
