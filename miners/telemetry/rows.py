"""The shapes of telemetry on its way into the database."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says beside its telemetry: kept for the latest reading only, not as history."""

    accepted_counter: int | None = None
    rejected_counter: int | None = None
    uptime_s: int | None = None
    mode: str = ""
    firmware: str = ""
    pool_url: str = ""
    pool_user: str = ""
    frequency_mhz: float | None = None
    core_voltage_mv: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TelemetryRow:
    """A miner at this power, hashrate and temperature during the `covered_s` seconds before `timestamp`.

    `accepted` and `rejected` are increments since the previous row. None is unknown, never zero.
    """

    miner_id: int
    timestamp: datetime
    covered_s: int
    power_w: float | None = None
    hashrate_ghs: float | None = None
    temperature_c: float | None = None
    fan_rpm: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    facts: DeviceFacts | None = None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """How many rows were new, how many were there already, and how many were refused and kept aside."""

    stored: int = 0
    unchanged: int = 0
    set_aside: int = 0

    def __add__(self, other: "WriteResult") -> "WriteResult":
        return WriteResult(
            self.stored + other.stored,
            self.unchanged + other.unchanged,
            self.set_aside + other.set_aside,
        )
