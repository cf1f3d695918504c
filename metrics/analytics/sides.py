"""What of a range and of the one before is laid beside each other, so that like is compared with like."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.lib.buckets import DEFAULT_SLOT_S, bucket_at
from metrics.analytics.asked import Asked


@dataclass(frozen=True, slots=True)
class Sides:
    """Two ranges [start, end), and the period that they are whole ones of; `until` where this one is not over yet."""

    now: tuple[datetime, datetime]
    before: tuple[datetime, datetime]
    period: str
    until: datetime | None = None

    def notes(self, zone: ZoneInfo) -> Sequence[str]:
        """Return what is to be said of them; nothing where both are whole."""
        if self.until is None:
            return ()
        local = self.until.astimezone(zone)
        return (
            f"This range is not over yet: both are counted up to the same time, this one to {local:%H:%M} on "
            f"{local:%a} {local.day} {local:%b}, the end of its last whole hour.",
        )


NOTHING_TO_COMPARE = "This range is not over yet, and not an hour of it: there is nothing to compare."


def sides(asked: Asked, now: datetime, period: str = "daily") -> Sides | None:
    """Return both ranges, whole or, while this one is not over, up to its last whole hour and the same time before.

    None where not an hour of it is over.
    """
    if now >= asked.end:
        return Sides((asked.start, asked.end), asked.before, period)
    until = bucket_at("hourly", now, asked.zone, DEFAULT_SLOT_S).start
    if until <= asked.start:
        return None
    wall = until.astimezone(asked.zone).replace(tzinfo=None) - timedelta(days=asked.days)
    before = wall.replace(tzinfo=asked.zone).astimezone(until.tzinfo)
    return Sides((asked.start, until), (asked.before[0], before), "hourly", until)
