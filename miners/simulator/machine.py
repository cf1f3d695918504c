"""One miner's physics: readings at any time as a function of the orders it got, and its counters.

Between two orders everything relaxes towards a steady state in closed form, so a reading costs the same
after a second as after a night, and does not depend on how often the device is asked.
"""

import heapq
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from miners.simulator.hardware import Hardware, Settings
from miners.simulator.noise import ambient_c, drift, layered, room_seed, stream
from miners.simulator.shares import Counters, Shares
from miners.simulator.silicon import Silicon

_WANDER = ((9.0, 0.55), (70.0, 0.3), (600.0, 0.15), (7200.0, 0.1))
_KEPT_SEGMENTS = 64
_STOP_S = 1.5
_ARRIVED = 12.0


@dataclass(frozen=True)
class Pool:
    """Where shares go."""

    url: str
    port: int
    user: str


@dataclass(frozen=True)
class Relaxation:
    """A quantity on its exponential way from `start` to `target`."""

    start: float
    target: float
    time_constant_s: float

    def at(self, elapsed_s: float) -> float:
        """Return the value after `elapsed_s`; what has all but arrived has arrived."""
        if elapsed_s > _ARRIVED * self.time_constant_s:
            return self.target
        return self.target + (self.start - self.target) * math.exp(-elapsed_s / self.time_constant_s)

    def integral(self, elapsed_s: float) -> float:
        """Return the value summed over the first `elapsed_s` seconds."""
        gone = 1.0 - math.exp(-elapsed_s / self.time_constant_s)
        return self.target * elapsed_s + (self.start - self.target) * self.time_constant_s * gone


@dataclass(frozen=True)
class Segment:
    """The time since an order (or a boot), under one set of settings."""

    since: float
    settings: Settings
    hashrate: Relaxation
    power: Relaxation
    excess_c: float
    """How far above its steady temperature the machine was at `since`."""
    work_gh: float
    """Work since boot, done before `since`."""


@dataclass(frozen=True)
class Sample:
    """What the sensors say at one moment."""

    settings: Settings
    hashrate_ghs: float
    power_w: float
    temperature_c: float
    regulator_c: float
    ambient_c: float
    fan_percent: float
    fan_rpm: int
    supply_mv: float
    current_ma: float
    core_voltage_mv: float
    error_percent: float


class Machine:
    """A miner that has been running since `booted_at`. Times are seconds, and never run backwards."""

    def __init__(
        self,
        hardware: Hardware,
        settings: Settings,
        *,
        seed: int,
        name: str,
        start: float,
        booted_at: float,
        pools: list[Pool],
        reboots: Iterable[float] = (),
    ) -> None:
        self.hardware = hardware
        self.pools = pools
        self.pools_after_boot = list(pools)
        self.active_pool = 0
        self.booted_at = booted_at
        self._rng = stream(seed, name, "machine")
        self._noise = self._rng.getrandbits(63)
        self._room = room_seed(seed)
        self._silicon = Silicon.of(seed, name)
        self._down = False
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._event_number = count()
        self._segments = [self._settled(settings, booted_at)]
        self._shares = Shares(
            self._rng, hardware.pool_difficulty, hardware.share_interval_gh(), self._silicon.reject_share
        )
        self._shares.assume(self.work_gh(start))
        self._reboots = iter(reboots)
        self._plan_reboot()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._segments[-1].settings

    def advance(self, t: float) -> None:
        """Let everything happen that is due by `t`."""
        while self._events and self._events[0][0] <= t:
            due, _, event = heapq.heappop(self._events)
            event(due)

    def is_up(self, t: float) -> bool:
        """Return whether the device is neither off nor still booting at `t`."""
        self.advance(t)
        return not self._down

    def uptime_s(self, t: float) -> int:
        """Return whole seconds since boot."""
        return max(0, int(t - self.booted_at))

    def order(self, t: float, **changes: Any) -> None:
        """Change settings (fields of `Settings`) at `t`; readings follow with inertia."""
        self.advance(t)
        settings = replace(self.settings, **changes)
        self._enter(t, settings, _STOP_S if settings.paused else self.hardware.settle_s)

    def order_later(self, at: float, **changes: Any) -> None:
        """Change settings when `at` comes."""
        self._plan(at, lambda t: self.order(t, **changes))

    def reboot(self, t: float, notice_s: float = 1.0) -> None:
        """Go dark `notice_s` after `t`, for 10 to 20 s; then start afresh with the counters at zero."""
        self._plan(t + notice_s, self._go_down)

    def counters(self, t: float) -> Counters:
        """Return shares since boot as of `t`."""
        self.advance(t)
        self._shares.count_to(self.work_gh(t))
        return self._shares.counters()

    def work_gh(self, t: float) -> float:
        """Return the hashes done between boot and `t`, in GH."""
        segment = self._segment_at(t)
        return segment.work_gh + segment.hashrate.integral(max(0.0, t - segment.since))

    def average_ghs(self, t: float, window_s: float) -> float:
        """Return the mean hashrate of the last `window_s` seconds (since boot, when that is less), in GH/s."""
        since = max(t - window_s, self._segments[0].since)
        if t - since < 1.0:
            return 0.0
        mean = (self.work_gh(t) - self.work_gh(since)) / (t - since)
        return mean * (1.0 + self.hardware.jitter * layered(self._noise, t, _WANDER, window_s))

    def level_ghs(self, t: float) -> float:
        """Return the hashrate at `t` without its wandering, in GH/s."""
        segment = self._segment_at(t)
        return segment.hashrate.at(max(0.0, t - segment.since))

    def sample(self, t: float) -> Sample:
        """Return what the sensors say at `t`, now or in the time since boot."""
        self.advance(t)
        segment = self._segment_at(t)
        power_w = self._power_w(segment, t)
        room_c = ambient_c(self._room, t)
        chip_c = self._temperature_c(segment, t, room_c)
        fan = self.hardware.fan_at(segment.settings, power_w, room_c)
        supply_mv = self.hardware.supply_mv * (1.0 - 0.012 * power_w / self.hardware.power_w)
        return Sample(
            settings=segment.settings,
            hashrate_ghs=self._hashrate_ghs(segment, t),
            power_w=power_w,
            temperature_c=chip_c,
            regulator_c=room_c + (chip_c - room_c) * 1.15,
            ambient_c=room_c,
            fan_percent=fan,
            fan_rpm=self._fan_rpm(fan, t),
            supply_mv=supply_mv,
            current_ma=power_w / supply_mv * 1e6,
            core_voltage_mv=segment.settings.core_voltage_mv
            * (1.0 + 0.004 * drift(self._noise + 31, t, 20.0)),
            error_percent=100.0 * self.hardware.error_share(segment.settings),
        )

    def _hashrate_ghs(self, segment: Segment, t: float) -> float:
        level = segment.hashrate.at(max(0.0, t - segment.since))
        return max(0.0, level * (1.0 + self.hardware.jitter * layered(self._noise, t, _WANDER)))

    def _power_w(self, segment: Segment, t: float) -> float:
        level = segment.power.at(max(0.0, t - segment.since))
        return level * (1.0 + 0.006 * drift(self._noise + 17, t, 45.0))

    def _temperature_c(self, segment: Segment, t: float, room_c: float) -> float:
        faded = math.exp(-max(0.0, t - segment.since) / self.hardware.heat_s)
        flutter = 0.4 * drift(self._noise + 23, t, 25.0)
        return (
            self._steady_c(segment.settings, segment.power.target, room_c)
            + segment.excess_c * faded
            + flutter
        )

    def _steady_c(self, settings: Settings, power_w: float, room_c: float) -> float:
        return self._silicon.steady_temperature_c(self.hardware, settings, power_w, room_c)

    def _fan_rpm(self, percent: float, t: float) -> int:
        return round(
            self.hardware.fan_max_rpm * percent / 100.0 * (1.0 + 0.012 * drift(self._noise + 29, t, 6.0))
        )

    def _segment_at(self, t: float) -> Segment:
        if t >= self._segments[-1].since:
            return self._segments[-1]
        return self._segments[max(0, bisect_right(self._segments, t, key=lambda s: s.since) - 1)]

    def _settled(self, settings: Settings, since: float) -> Segment:
        hashrate_ghs, power_w = self._silicon.steady(self.hardware, settings)
        return Segment(
            since,
            settings,
            Relaxation(hashrate_ghs, hashrate_ghs, 1.0),
            Relaxation(power_w, power_w, 1.0),
            0.0,
            0.0,
        )

    def _enter(self, t: float, settings: Settings, time_constant_s: float) -> None:
        old = self._segments[-1]
        elapsed_s = max(0.0, t - old.since)
        hashrate_ghs, power_w = self._silicon.steady(self.hardware, settings)
        room_c = ambient_c(self._room, t)
        faded = old.excess_c * math.exp(-elapsed_s / self.hardware.heat_s)
        before_c = self._steady_c(old.settings, old.power.target, room_c) + faded
        segment = Segment(
            since=t,
            settings=settings,
            hashrate=Relaxation(old.hashrate.at(elapsed_s), hashrate_ghs, time_constant_s),
            power=Relaxation(old.power.at(elapsed_s), power_w, time_constant_s),
            excess_c=before_c - self._steady_c(settings, power_w, room_c),
            work_gh=self.work_gh(t),
        )
        self._segments = [*self._segments[1 - _KEPT_SEGMENTS :], segment]

    def _go_down(self, t: float) -> None:
        if self._down:
            return
        running = self.settings
        self._down = True
        self._enter(t, replace(running, paused=True), _STOP_S)
        self._plan(t + self._rng.uniform(10.0, 20.0), lambda up: self._come_up(up, running))

    def _come_up(self, t: float, settings: Settings) -> None:
        self._down = False
        self.booted_at = t
        self.pools = list(self.pools_after_boot)
        self.active_pool = 0
        self._enter(t, replace(settings, paused=False), self.hardware.warm_up_s)
        self._segments = [replace(self._segments[-1], work_gh=0.0)]
        self._shares.reset()
        self._plan_reboot()

    def _plan(self, at: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._event_number), event))

    def _plan_reboot(self) -> None:
        at = next((at for at in self._reboots if at > self.booted_at), None)
        if at is not None:
            self._plan(at, self._go_down)
