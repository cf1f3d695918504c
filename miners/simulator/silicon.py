"""How one device differs from its kind: the lottery of chips, coolers and pool connections."""

from dataclasses import dataclass

from miners.simulator.hardware import Hardware, Settings
from miners.simulator.noise import stream


@dataclass(frozen=True)
class Silicon:
    """Factors of 1, °C at full load, and the share of shares the pool rejects."""

    hashrate: float
    power: float
    warmth_c: float
    reject_share: float

    @classmethod
    def of(cls, seed: int, name: str) -> "Silicon":
        """Return what the lottery gave the device called `name`."""
        rng = stream(seed, name, "silicon")
        return cls(
            hashrate=rng.uniform(0.985, 1.005),
            power=rng.uniform(0.975, 1.025),
            warmth_c=rng.uniform(-1.5, 1.5),
            reject_share=rng.uniform(0.003, 0.01),
        )

    def steady(self, hardware: Hardware, settings: Settings) -> tuple[float, float]:
        """Return hashrate in GH/s and power in W in the long run."""
        return hardware.hashrate_ghs(settings) * self.hashrate, hardware.steady_power_w(settings) * self.power

    def steady_temperature_c(
        self, hardware: Hardware, settings: Settings, power_w: float, room_c: float
    ) -> float:
        """Return the temperature in the long run at this power in a room this warm."""
        warmth_c = self.warmth_c * power_w / hardware.power_w
        return hardware.steady_temperature_c(settings, power_w, room_c) + warmth_c
