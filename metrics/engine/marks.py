"""Watermarks: up to where each period is filled."""

from collections.abc import Mapping
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
    move_marks(marks)
    return marks


def move_marks(filled: Mapping[str, datetime]) -> None:
    """Say for each of these periods up to when it is filled. One query."""
    Watermark.objects.bulk_create(
        [Watermark(period=period, filled_to=filled_to) for period, filled_to in filled.items()],
        update_conflicts=True,
        unique_fields=["period"],
        update_fields=["filled_to"],
    )
