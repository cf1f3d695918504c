"""Ranges of time as people and programs write them, for the API and the commands alike."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.lib.times import parse_when
from metrics.query.words import Refused

MAX_DAYS = 3660

DEFAULT_DAYS = {"slot": 1, "hourly": 1, "daily": 30, "weekly": 91, "monthly": 366}
"""How far back an answer goes, by period, when the question does not say."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The half-open stretch [start, end), UTC."""

    start: datetime
    end: datetime


def stretch_between(
    first: str | None,
    last: str | None,
    zone: ZoneInfo,
    *,
    default: timedelta,
    open_end: datetime,
    now: datetime,
) -> Stretch:
    """Return the stretch from `first` to `last`, each a date (a local day, as `last` included) or a time with offset.

    Without `last` it ends at `open_end`; without `first` it begins `default` before `last`, or before `now`.
    Raises Refused naming `from` or `to`.
    """
    end = instant("to", last, zone, is_end=True) if last is not None else None
    start = instant("from", first, zone) if first is not None else (end or now) - default
    if end is not None and start >= end:
        raise Refused("to", "must be after from")
    return Stretch(start, end or max(start, open_end))


def past_stretch(
    period: str, first: str | None, last: str | None, days: int | None, zone: ZoneInfo, now: datetime
) -> Stretch:
    """Return the stretch that a question on figures of `period` means: `days` × 24 hours up to `now`, or from … to.

    Raises Refused naming `days`, `from` or `to`.
    """
    if days is None:
        default = timedelta(days=DEFAULT_DAYS.get(period, 1))
        return stretch_between(first, last, zone, default=default, open_end=now, now=now)
    if first is not None or last is not None:
        raise Refused("days", "cannot go together with from or to")
    if not 1 <= days <= MAX_DAYS:
        raise Refused("days", f"must be 1 to {MAX_DAYS}, not {days}")
    return Stretch(now - timedelta(days=days), now)


def instant(name: str, text: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """Return the instant that `text` means. Raises Refused naming `name`."""
    # An offset's plus sign arrives as a blank where the caller did not encode it; nothing else can be meant.
    mended = re.sub(r"(T[0-9:.]+) (?=[0-9:]+$)", r"\1+", text)
    try:
        return parse_when(mended, zone, is_end=is_end)
    except ValueError as error:
        raise Refused(name, str(error)) from None
