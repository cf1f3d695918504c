"""From a reading to a row of telemetry. Pure."""

from dataclasses import dataclass
from datetime import datetime

from hmm.lib.times import floor_to_second
from miners.drivers.base import Reading
from miners.models import LatestReading
from miners.telemetry.rows import DeviceFacts, TelemetryRow
from miners.telemetry.rules import INT4_MAX

MOST_INTERVALS = 2.5
INT8_MAX = 2**63 - 1
WARNINGS_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Previous:
    """What is known of a miner's reading before this one; None for what is not."""

    timestamp: datetime | None = None
    accepted_counter: int | None = None
    rejected_counter: int | None = None

    @classmethod
    def of(cls, latest: LatestReading | None) -> "Previous":
        """Return what `latest` tells of the reading before the next one."""
        if latest is None:
            return cls()
        return cls(latest.timestamp, latest.accepted_counter, latest.rejected_counter)

    def after(self, row: TelemetryRow) -> "Previous":
        """Return what is known once `row` is stored: a reading without counters keeps the old ones."""
        facts = row.facts or DeviceFacts()
        return Previous(
            row.timestamp,
            self.accepted_counter if facts.accepted_counter is None else facts.accepted_counter,
            self.rejected_counter if facts.rejected_counter is None else facts.rejected_counter,
        )


def telemetry_row(
    miner_id: int, reading: Reading, at: datetime, previous: Previous, interval_s: int
) -> TelemetryRow:
    """Return the row that `reading`, taken at `at`, means for a miner polled each `interval_s` seconds."""
    timestamp = floor_to_second(at)
    facts = device_facts(reading)
    return TelemetryRow(
        miner_id,
        timestamp,
        covered_s(timestamp, previous.timestamp, interval_s),
        power_w=reading.power_w,
        hashrate_ghs=reading.hashrate_ghs,
        temperature_c=reading.temperature_c,
        fan_rpm=reading.fan_rpm,
        accepted=increment(facts.accepted_counter, previous.accepted_counter),
        rejected=increment(facts.rejected_counter, previous.rejected_counter),
        facts=facts,
    )


def covered_s(timestamp: datetime, previous: datetime | None, interval_s: int) -> int:
    """Return the seconds a live row stands for.

    They are the time since the previous reading where that is at most 2.5 intervals, else one interval.
    """
    if previous is None:
        return interval_s
    elapsed_s = int((timestamp - previous).total_seconds())
    return elapsed_s if 0 < elapsed_s <= MOST_INTERVALS * interval_s else interval_s


def increment(count: int | None, previous: int | None) -> int | None:
    """Return the shares since the previous reading: None for the first, all of them after a reset.

    An increment that no device can make in one interval says that the counter is not one: None.
    """
    if count is None or previous is None:
        return None
    shares = count - previous if count >= previous else count
    return shares if shares <= INT4_MAX else None


def device_facts(reading: Reading) -> DeviceFacts:
    """Return what is kept of a reading beside its telemetry, cut to what the database can hold."""
    return DeviceFacts(
        accepted_counter=counter(reading.accepted),
        rejected_counter=counter(reading.rejected),
        uptime_s=counter(reading.uptime_s),
        mode=text(reading.mode, 64),
        firmware=text(reading.firmware, 100),
        pool_url=text(reading.pool_url, 255),
        pool_user=text(reading.pool_user, 255),
        frequency_mhz=reading.frequency_mhz,
        core_voltage_mv=reading.core_voltage_mv,
        warnings=tuple(text(warning, 300) for warning in reading.warnings[:WARNINGS_AT_MOST]),
    )


def text(said: str | None, length: int) -> str:
    """Return what a device said as PostgreSQL can hold it: no NUL, no lone surrogates, not too long."""
    return (said or "").replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def counter(value: int | None) -> int | None:
    """Return a device's counter, None where the database cannot hold it."""
    return value if value is not None and 0 <= value <= INT8_MAX else None
