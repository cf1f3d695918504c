"""Stretches of time as people at a place read them, right also where the clocks are changed."""

from datetime import UTC, date, datetime, timedelta, tzinfo

from hmm.lib.buckets import Bucket
from hmm.lib.times import local_midnight


def local_day(day: date, zone: tzinfo) -> Bucket:
    """Return the local `day`, which has 23 or 25 hours where the clocks change."""
    return Bucket(local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone))


def is_twice(moment: datetime, zone: tzinfo) -> bool:
    """Return whether the local time of `moment` comes twice, since the clocks go back over it."""
    local = moment.astimezone(zone)
    return local.replace(fold=1 - local.fold).astimezone(UTC) != local.astimezone(UTC)


def clock_span(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Return 13:00–13:30, both by the clock of `start`; in an hour that comes twice also which: 01:00–01:30 GMT."""
    local = start.astimezone(zone)
    words = f"{local:%H:%M}–{local.replace(tzinfo=None) + (end - start):%H:%M}"
    return f"{words} {local:%Z}" if is_twice(start, zone) else words


def clock_change(day: Bucket) -> str:
    """Return what is unusual about the length of a local day: it has 23 hours; "" where nothing is."""
    hours = day.length_s / 3600
    if hours == 24:
        return ""
    return f"the clocks go {'back' if hours > 24 else 'forward'}: this day has {hours:g} hours"
