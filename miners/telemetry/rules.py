"""Which telemetry is believable. Pure: the caller says what time it is."""

from datetime import UTC, datetime, timedelta

from hmm.lib.magnitude import vanishes
from miners.telemetry.rows import TelemetryRow

MAX_COVERED_S = 7 * 86400
MAX_AHEAD = timedelta(minutes=5)
FIRST_BLOCK = datetime(2009, 1, 3, tzinfo=UTC)
INT4_MAX = 2**31 - 1

BOUNDS: dict[str, tuple[float, float]] = {
    "power_w": (0, 100_000),
    "hashrate_ghs": (0, 100_000_000),
    "temperature_c": (-50, 200),
    "fan_rpm": (0, 100_000),
    "accepted": (0, INT4_MAX),
    "rejected": (0, INT4_MAX),
    "covered_s": (1, MAX_COVERED_S),
}
"""The least and the greatest believable value of each quantity, both included; what `vanishes` is never believed."""


def refusal(row: TelemetryRow, now: datetime) -> str | None:
    """Return why `row` cannot be believed at the time `now`, or None when it can."""
    if row.timestamp.tzinfo is None:
        return f"timestamp {row.timestamp.isoformat()} has no UTC offset"
    return time_refusal(row.timestamp, now) or next(
        filter(None, map(value_refusal, BOUNDS, _values(row))), None
    )


def time_refusal(timestamp: datetime, now: datetime) -> str | None:
    """Return why no miner can have said anything at `timestamp`, or None."""
    if timestamp > now + MAX_AHEAD:
        return f"timestamp {timestamp.isoformat()} is more than 5 minutes ahead of now"
    if timestamp < FIRST_BLOCK:
        return f"timestamp {timestamp.isoformat()} is before the first block was mined"
    return None


def value_refusal(name: str, value: float | None) -> str | None:
    """Return why the quantity `name` cannot have this value, or None when it can or is unknown."""
    if value is None:
        return None
    if is_possible(name, value):
        return None
    low, high = BOUNDS[name]
    why = "so near to zero is nothing" if vanishes(value) else f"it lies between {low:g} and {high:g}"
    return f"{name} {str(value)[:40]} is impossible: {why}"


def is_possible(name: str, value: float) -> bool:
    """Return whether the quantity `name` can have this value."""
    low, high = BOUNDS[name]
    return low <= value <= high and not vanishes(value)


def _values(row: TelemetryRow) -> list[float | None]:
    return [getattr(row, name) for name in BOUNDS]
