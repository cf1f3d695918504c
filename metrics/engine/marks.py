"""Watermarks: up to where each period is filled."""

from datetime import datetime

from hmm.lib.buckets import PERIODS
from metrics.engine.grid import Grid
from metrics.models import Watermark


def read_marks() -> dict[str, datetime]:
    """Return period → filled_to; empty before the engine's first run."""
    return dict(Watermark.objects.values_list("period", "filled_to"))


def boundaries(grid: Grid, now: datetime) -> dict[str, datetime]:
    """Return period → the end of its last bucket that is over at `now`."""
    return {period: grid.last_boundary(period, now) for period in PERIODS}


def first_marks(grid: Grid, now: datetime) -> dict[str, datetime]:
    """Begin the watermarks at `now`: what lies before is told by dirty ranges, for there are such since ever."""
    marks = boundaries(grid, now)
    for period, filled_to in marks.items():
        move_mark(period, filled_to)
    return marks


def move_mark(period: str, filled_to: datetime) -> None:
    """Say that `period` is filled up to `filled_to`."""
    Watermark.objects.update_or_create(period=period, defaults={"filled_to": filled_to})
