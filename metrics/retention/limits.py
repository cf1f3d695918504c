"""Up to when telemetry, slots and hours may be dropped: as far as they are too old, and all that they make is stored."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from hmm.models import DirtyRange
from metrics.engine.marks import read_marks

A_DAY = timedelta(days=1)


def telemetry_limit(now: datetime, days: int, marks: Mapping[str, datetime], dirty: datetime | None) -> date:
    """Return the first UTC day of telemetry that must stay.

    The day is over since `days` days, slots and hours (`marks`) are stored past it and the row that reaches back from
    the next day, and nothing from `dirty` on, the earliest dirty range, is touched.
    """
    over = [now - timedelta(days=days), *(marks[period] - A_DAY for period in ("slot", "hourly") if marks)]
    return min(moment.astimezone(UTC).date() for moment in (*over, dirty or now))


def slots_limit(now: datetime, days: int, marks: Mapping[str, datetime], dirty: datetime | None) -> datetime:
    """Return up to when slots and hours may go: days, weeks and months (`marks`) are stored past it."""
    over = [now - timedelta(days=days), *(marks[period] - A_DAY for period in ("daily", "weekly", "monthly"))]
    return min([*over, dirty or now])


def outside_limit(
    now: datetime, days: int, slots_from: datetime | None, dirty: datetime | None, reach: timedelta
) -> datetime | None:
    """Return up to when what is known from outside may go; None where nothing may.

    Whatever is kept of slots can be computed anew at any time, and needs it `reach` back: it goes after the slots, which are
    kept from `slots_from` on.
    """
    if slots_from is None:
        return None
    return min(now - timedelta(days=days), slots_from - reach, (dirty or now) - reach)


def earliest_dirty() -> datetime | None:
    """Return where the earliest dirty range begins, None where there is none."""
    return DirtyRange.objects.order_by("start").values_list("start", flat=True).first()


def filled() -> dict[str, datetime]:
    """Return the watermarks; empty before the engine's first run, when nothing may go."""
    return read_marks()
