"""What the panel says of what is no metric: a price, or what a miner told at its last reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString

from hmm.lib.local_times import clock_span
from metrics.explain.parts import Table


@dataclass(frozen=True, slots=True)
class Account:
    """A figure with its time, its meaning and formula, what is known of where it came from, and the rows themselves."""

    title: str
    whose: str
    text: str
    when: str
    definition: str
    pairs: Sequence[tuple[str, str | SafeString]]
    tables: Sequence[Table]
    command: str
    url: str
    notice: str = ""
    command_words: str = "To ask again"


def day_words(moment: datetime, zone: ZoneInfo) -> str:
    """Return the local day of a moment: Mon 23 Nov 2026."""
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y}"


def span_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return a stretch of time with its days: 16:00–16:30, Mon 23 Nov 2026; … to … over more than a day."""
    if (end - start).days < 1:
        return f"{clock_span(start, end, zone)}, {day_words(start, zone)}"
    ends = (f"{day_words(m, zone)}, {m.astimezone(zone):%H:%M}" for m in (start, end))
    return " to ".join(ends)
