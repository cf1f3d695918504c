"""Dates and times as people and other programs write them."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


MOST_OFFSET = timedelta(hours=14)
"""No place on Earth is further from UTC."""


class NaiveTimeError(ValueError):
    """A time of day without an offset, which could mean two instants."""


def parse_when(text: str, zone: tzinfo, *, is_end: bool = False) -> datetime:
    """Return the instant that `text` means, in UTC.

    ISO 8601 with offset is that instant; a bare date is the start of that local day, and as the end of a
    range (`is_end`) the start of the next, so that the day is included.
    Raises NaiveTimeError for a time without offset and ValueError for anything else that is not a date from 2000
    to 2100.
    """
    with suppress(OverflowError):  # beyond the calendar
        found = _instant(text, zone, is_end)
        if EARLIEST <= found <= LATEST:
            return found
    raise ValueError(f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")


def offset_refusal(moment: datetime) -> str:
    """Return what is wrong with the UTC offset of `moment`, which has one; "" where it is one that clocks have.

    Python takes +23:59:59.5 for an offset; ISO 8601 has hours and minutes.
    """
    offset = moment.utcoffset()
    if offset is None or (not offset % timedelta(minutes=1) and abs(offset) <= MOST_OFFSET):
        return ""
    return "has a UTC offset that there is not; it is in hours and minutes, at most 14:00, such as +01:00"


def local_midnight(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which the local `day` begins, in UTC.

    Where a clock change skips midnight, the day begins at the first instant that exists.
    """
    wall = datetime.combine(day, time(), tzinfo=zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).date() < day:  # midnight is in the gap: fold=0 gave the offset before it
        instant = wall.replace(fold=1).astimezone(UTC)
    return instant


def floor_to_second(moment: datetime) -> datetime:
    """Return `moment` without its fraction of a second."""
    return moment.replace(microsecond=0)


def whole_seconds(moment: datetime) -> int:
    """Return the whole seconds from 1970 until `moment`, as `int(moment.timestamp())` does in six times the time."""
    since = moment - EPOCH
    return since.days * 86400 + since.seconds


def _instant(text: str, zone: tzinfo, is_end: bool) -> datetime:
    if (day := _bare_date(text)) is not None:
        return local_midnight(day + timedelta(days=1) if is_end else day, zone)
    return _time_with_offset(text).astimezone(UTC)


def _time_with_offset(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or _is_date_of_another_form(text):
        raise ValueError(f"{text!r} is neither a date (2025-03-30) nor a time (2025-03-30T12:00Z)")
    if parsed.tzinfo is None:
        raise NaiveTimeError(f"{text!r} has no UTC offset; write {text}Z or {text}+01:00")
    if wrong := offset_refusal(parsed):
        raise ValueError(f"{text!r} {wrong}")
    return parsed


def _is_date_of_another_form(text: str) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(text))
    return False


def _bare_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
