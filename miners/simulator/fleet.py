"""Which devices there are, how each is set up, and which misfortune it has."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from miners.simulator.hardware import AVALON_Q, GAMMA, NANO_3S, NERDQAXE, SUPRA, Hardware, Settings
from miners.simulator.misfortune import Misfortune
from miners.simulator.noise import stream

DEFAULT_COUNT = 14
LEAST_COUNT = 12


@dataclass(frozen=True)
class DeviceSpec:
    """One device of the fleet. `name` is unique in it."""

    name: str
    hardware: Hardware
    firmware: str
    settings: Settings
    misfortune: Misfortune = Misfortune.NONE

    @property
    def model(self) -> str:
        """The name of its kind, such as "Avalon Q"."""
        return self.hardware.model

    @property
    def driver(self) -> str:
        """The driver that reads it."""
        return self.hardware.driver

    def mac(self, seed: int) -> str:
        """Return its MAC address, locally administered (02:…)."""
        digits = f"{stream(seed, self.name, 'mac').getrandbits(40):010x}"
        return ":".join(["02", *(digits[i : i + 2] for i in range(0, 10, 2))])


_Pattern = tuple[str, Hardware, str, Settings, Misfortune]

_PATTERN: tuple[_Pattern, ...] = (
    ("gamma", GAMMA, "v2.14.0", Settings(600, 1150), Misfortune.NONE),
    ("gamma", GAMMA, "v2.12.2", Settings(525, 1150), Misfortune.GOES_DARK),
    ("gamma", GAMMA, "v2.11.0", Settings(575, 1150), Misfortune.NONE),
    ("gamma", GAMMA, "v2.9.0", Settings(550, 1150), Misfortune.NONE),
    ("supra", SUPRA, "v2.13.0", Settings(510, 1166), Misfortune.NONE),
    ("supra", SUPRA, "v2.10.1", Settings(490, 1166), Misfortune.ANSWERS_SLOWLY),
    ("supra", SUPRA, "v2.14.0", Settings(500, 1166), Misfortune.NONE),
    ("nerdqaxe", NERDQAXE, "v1.0.34", Settings(590, 1150), Misfortune.NONE),
    ("nerdqaxe", NERDQAXE, "v1.0.36", Settings(600, 1150), Misfortune.REBOOTS),
    ("nano3s", NANO_3S, "25042601_7d3f0a2", NANO_3S.reference, Misfortune.NONE),
    ("nano3s", NANO_3S, "25042601_7d3f0a2", NANO_3S.with_mode(NANO_3S.reference, 1), Misfortune.BREAKS_JSON),
    ("avalonq", AVALON_Q, "25061102_c88e15b", AVALON_Q.reference, Misfortune.NONE),
    ("avalonq", AVALON_Q, "25061102_c88e15b", AVALON_Q.with_mode(AVALON_Q.reference, 0), Misfortune.NONE),
    ("gamma", GAMMA, "v2.10.1", Settings(600, 1160), Misfortune.NONE),
)


def fleet(count: int = DEFAULT_COUNT) -> list[DeviceSpec]:
    """Return the first `count` devices; of every 14 one goes dark, one is slow, one garbles, one reboots."""
    return list(islice(_devices(), count))


def manifest(specs: list[DeviceSpec], host: str, base_port: int) -> list[dict[str, str | int]]:
    """Return where each device listens: name, model, driver, host, port."""
    return [
        {
            "name": spec.name,
            "model": spec.model,
            "driver": spec.driver,
            "host": host,
            "port": base_port + index,
        }
        for index, spec in enumerate(specs)
    ]


def _devices() -> Iterator[DeviceSpec]:
    made: dict[str, int] = {}
    while True:
        for kind, hardware, firmware, settings, misfortune in _PATTERN:
            made[kind] = made.get(kind, 0) + 1
            yield DeviceSpec(f"{kind}-{made[kind]}", hardware, firmware, settings, misfortune)
