"""A device: a machine, the protocol it speaks, and its misfortune. Knows the time only as an argument."""

from enum import Enum, auto

from miners.simulator.avalon import Avalon
from miners.simulator.axeos import AxeOs
from miners.simulator.fleet import DeviceSpec
from miners.simulator.hardware import NERDQAXE
from miners.simulator.machine import Machine, Pool
from miners.simulator.misfortune import BROKEN, DARK, REBOOT, SLOW_S, Misfortune, Spells
from miners.simulator.nerdqaxe import NerdQAxe
from miners.simulator.noise import stream

_UP_S = (2400.0, 3600.0)
"""How long devices have been up when they begin, at least and at most. Long enough for their own averages; whoever starts
them anew meets counters that have begun within the hour, as after a power cut, and not days of shares once more."""

_UP_BETWEEN_REBOOTS_S = (600.0, 1200.0)


class Condition(Enum):
    """How a device meets a connection."""

    ANSWERS = auto()
    SILENT = auto()
    """The line is dead: nothing comes back."""
    BOOTING = auto()
    """The connection is reset."""


class Device:
    """One simulated device since `start` (seconds since 1970)."""

    def __init__(self, spec: DeviceSpec, seed: int, start: float) -> None:
        self.spec = spec
        self._dark = self._spells(Misfortune.GOES_DARK, seed, start)
        self._broken = self._spells(Misfortune.BREAKS_JSON, seed, start)
        self._hesitation = stream(seed, spec.name, "hesitation")
        self.machine = _machine(spec, seed, start, self._spells(Misfortune.REBOOTS, seed, start))
        self.api = _api(self.machine, spec, spec.mac(seed))

    def condition(self, t: float) -> Condition:
        """Return how the device meets a connection at `t`."""
        if not self.machine.is_up(t):
            return Condition.BOOTING
        if self._dark is not None and self._dark.at(t) is not None:
            return Condition.SILENT
        return Condition.ANSWERS

    def delay_s(self) -> float:
        """Return how long the next answer takes."""
        slow = self.spec.misfortune is Misfortune.ANSWERS_SLOWLY
        return self._hesitation.uniform(*SLOW_S) if slow else 0.0

    def broken_spell(self, t: float) -> int | None:
        """Return the number of the spell of broken JSON at `t`, None when the JSON is sound."""
        return None if self._broken is None else self._broken.at(t)

    def _spells(self, misfortune: Misfortune, seed: int, start: float) -> Spells | None:
        if self.spec.misfortune is not misfortune:
            return None
        rhythm = {Misfortune.GOES_DARK: DARK, Misfortune.BREAKS_JSON: BROKEN, Misfortune.REBOOTS: REBOOT}[
            misfortune
        ]
        return Spells(stream(seed, self.spec.name, misfortune.value), rhythm, start)


def _machine(spec: DeviceSpec, seed: int, start: float, reboots: Spells | None) -> Machine:
    up_s = stream(seed, spec.name, "uptime").uniform(*(_UP_BETWEEN_REBOOTS_S if reboots else _UP_S))
    return Machine(
        spec.hardware,
        spec.settings,
        seed=seed,
        name=spec.name,
        start=start,
        booted_at=start - up_s,
        pools=[
            Pool("solo.pool.example", 3333, f"hmm.{spec.name}"),
            Pool("backup.pool.example", 3334, f"hmm.{spec.name}"),
        ],
        reboots=reboots.begins() if reboots else (),
    )


def _api(machine: Machine, spec: DeviceSpec, mac: str) -> AxeOs | Avalon:
    if spec.driver == "avalon":
        return Avalon(machine, spec, mac)
    return NerdQAxe(machine, spec, mac) if spec.hardware is NERDQAXE else AxeOs(machine, spec, mac)
