"""What each kind of miner is made of, and what its chips do at a frequency and a voltage."""

from dataclasses import dataclass, replace

HASHES_PER_DIFFICULTY = 2**32


@dataclass(frozen=True)
class Settings:
    """What people can order: clocks, volts, fan, work mode, pause."""

    frequency_mhz: float
    core_voltage_mv: float
    fan_percent: float | None = None
    """None: the firmware governs the fan."""
    work_mode: int = 0
    work_level: int = 0
    paused: bool = False


@dataclass(frozen=True)
class WorkMode:
    """An Avalon's preset."""

    name: str
    frequency_mhz: float
    core_voltage_mv: float


@dataclass(frozen=True)
class Hardware:
    """One kind of miner. `reference` is where `power_w` and `temperature_c` (in a room at 21 °C) hold."""

    model: str
    driver: str
    chip: str
    chips: int
    cores_per_chip: int
    reference: Settings
    power_w: float
    idle_power_w: float
    temperature_c: float
    fan_percent: float
    fan_floor_percent: float
    fan_max_rpm: int
    supply_mv: float
    pool_difficulty: int
    warm_up_s: float
    """Time constant with which hashing comes up after a boot."""
    settle_s: float
    """Time constant of a change of clock or mode."""
    heat_s: float
    """Time constant of chip and heat sink."""
    jitter: float
    """How much the hashrate wanders, as a share of itself."""
    modes: tuple[WorkMode, ...] = ()

    def with_mode(self, settings: Settings, mode: int, level: int = 0) -> Settings:
        """Return `settings` in work mode `mode`, each `level` 2 % faster than the one below it."""
        preset = self.modes[mode]
        return replace(
            settings,
            frequency_mhz=preset.frequency_mhz * (1 + 0.02 * level),
            core_voltage_mv=preset.core_voltage_mv,
            work_mode=mode,
            work_level=level,
        )

    def expected_ghs(self, frequency_mhz: float) -> float:
        """Return what the chips could do at `frequency_mhz`, in GH/s."""
        return frequency_mhz * self.cores_per_chip * self.chips / 1000.0

    def error_share(self, settings: Settings) -> float:
        """Return the share of work lost to errors (0.002 to 0.95): a clock too fast for its volts loses most."""
        usual = settings.core_voltage_mv / self.reference.core_voltage_mv * self.reference.frequency_mhz
        return min(0.95, 0.002 + 4.0 * max(0.0, settings.frequency_mhz / usual - 1.18))

    def hashrate_ghs(self, settings: Settings) -> float:
        """Return the hashrate in the long run under `settings`, in GH/s."""
        if settings.paused:
            return 0.0
        return self.expected_ghs(settings.frequency_mhz) * (1.0 - self.error_share(settings))

    def steady_power_w(self, settings: Settings) -> float:
        """Return the power in the long run under `settings`, in W: clock × volts², and the rest of the board."""
        if settings.paused:
            return self.idle_power_w
        clock = settings.frequency_mhz / self.reference.frequency_mhz
        volts = settings.core_voltage_mv / self.reference.core_voltage_mv
        return self.idle_power_w + (self.power_w - self.idle_power_w) * clock * volts * volts

    def fan_at(self, settings: Settings, power_w: float, ambient_c: float) -> float:
        """Return the fan's percentage at this power in this room."""
        if settings.fan_percent is not None:
            return settings.fan_percent
        load = power_w / self.power_w
        wanted = self.fan_percent + 35.0 * (load - 1.0) + 2.0 * (ambient_c - 21.0)
        return max(self.fan_floor_percent, min(100.0, wanted))

    def steady_temperature_c(self, settings: Settings, power_w: float, ambient_c: float) -> float:
        """Return where the chips' temperature tends to at this power in this room."""
        fan = self.fan_at(settings, power_w, ambient_c)
        cooling = (0.35 + 0.0065 * fan) / (0.35 + 0.0065 * self.fan_percent)
        return ambient_c + (self.temperature_c - 21.0) * power_w / self.power_w / cooling

    def share_interval_gh(self) -> float:
        """Return the work a share of the pool's difficulty takes on average, in GH."""
        return self.pool_difficulty * HASHES_PER_DIFFICULTY / 1e9


GAMMA = Hardware(
    model="Bitaxe Gamma 601",
    driver="axeos",
    chip="BM1370",
    chips=1,
    cores_per_chip=2040,
    reference=Settings(frequency_mhz=600, core_voltage_mv=1150),
    power_w=17.5,
    idle_power_w=2.4,
    temperature_c=53.5,
    fan_percent=55.0,
    fan_floor_percent=25.0,
    fan_max_rpm=7200,
    supply_mv=5120.0,
    pool_difficulty=4096,
    warm_up_s=15.0,
    settle_s=6.0,
    heat_s=45.0,
    jitter=0.035,
)
SUPRA = Hardware(
    model="Bitaxe Supra 401",
    driver="axeos",
    chip="BM1368",
    chips=1,
    cores_per_chip=1276,
    reference=Settings(frequency_mhz=510, core_voltage_mv=1166),
    power_w=12.6,
    idle_power_w=2.2,
    temperature_c=52.0,
    fan_percent=45.0,
    fan_floor_percent=25.0,
    fan_max_rpm=7000,
    supply_mv=5140.0,
    pool_difficulty=2048,
    warm_up_s=15.0,
    settle_s=6.0,
    heat_s=40.0,
    jitter=0.04,
)
NERDQAXE = Hardware(
    model="NerdQAxe++",
    driver="axeos",
    chip="BM1370",
    chips=4,
    cores_per_chip=2040,
    reference=Settings(frequency_mhz=590, core_voltage_mv=1150),
    power_w=78.0,
    idle_power_w=9.0,
    temperature_c=55.0,
    fan_percent=60.0,
    fan_floor_percent=20.0,
    fan_max_rpm=3150,
    supply_mv=11_900.0,
    pool_difficulty=16_384,
    warm_up_s=20.0,
    settle_s=8.0,
    heat_s=70.0,
    jitter=0.02,
)
NANO_3S = Hardware(
    model="Avalon Nano 3S",
    driver="avalon",
    chip="A3197S",
    chips=12,
    cores_per_chip=1200,
    reference=Settings(frequency_mhz=417, core_voltage_mv=313, work_mode=2),
    power_w=140.0,
    idle_power_w=8.0,
    temperature_c=84.0,
    fan_percent=42.0,
    fan_floor_percent=15.0,
    fan_max_rpm=4600,
    supply_mv=27_500.0,
    pool_difficulty=16_384,
    warm_up_s=40.0,
    settle_s=20.0,
    heat_s=120.0,
    jitter=0.015,
    modes=(
        WorkMode("low", 208.5, 303.5),
        WorkMode("mid", 312.7, 301.6),
        WorkMode("high", 417.0, 313.0),
    ),
)
AVALON_Q = Hardware(
    model="Avalon Q",
    driver="avalon",
    chip="A3197S",
    chips=160,
    cores_per_chip=1200,
    reference=Settings(frequency_mhz=469.0, core_voltage_mv=310, work_mode=2),
    power_w=1674.0,
    idle_power_w=17.0,
    temperature_c=66.0,
    fan_percent=58.0,
    fan_floor_percent=18.0,
    fan_max_rpm=5200,
    supply_mv=230_000.0,
    pool_difficulty=262_144,
    warm_up_s=60.0,
    settle_s=25.0,
    heat_s=180.0,
    jitter=0.01,
    modes=(
        WorkMode("eco", 260.5, 286.5),
        WorkMode("standard", 416.7, 289.7),
        WorkMode("super", 469.0, 310.0),
    ),
)
KINDS = {hardware.model: hardware for hardware in (GAMMA, SUPRA, NERDQAXE, NANO_3S, AVALON_Q)}
