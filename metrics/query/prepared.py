"""Before reading: what the range needs and nobody has computed yet is computed, up to two days of it."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.installation import installation
from hmm.lib.buckets import DEFAULT_SLOT_S, bucket_at
from metrics.engine.run import Busy, clean, fill
from metrics.engine.state import State, read_state

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long a reader waits for another run of the engine before it takes what is stored."""

ON_DEMAND = timedelta(days=2, hours=1)
"""How much may be computed while someone waits: two local days, one of which may have 25 hours."""


class NotComputedYet(Exception):
    """More is still to be computed in the range than a reader should wait for."""

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(
            f"figures from {start:%Y-%m-%d} to {end:%Y-%m-%d} are not computed yet; "
            f"run: manage.py backfill_metrics --from {start:%Y-%m-%d} --to {end:%Y-%m-%d}"
        )
        self.start, self.end = start, end


def prepared_state(period: str, start: datetime, end: datetime, now: datetime) -> State:
    """Return the state for reading [start, end), once what is closed or dirty in it is computed.

    Raises NotComputedYet when that is more than two days.
    """
    zone = installation().zone
    low, high = _extent(period, start, end, now, zone)
    state = read_state(now, low, high, min(low, now))
    pending = list(_pending(low, high, state, now))
    if sum((b - a for a, b in pending), timedelta()) > ON_DEMAND:
        raise NotComputedYet(min(a for a, _ in pending), max(b for _, b in pending))
    if not pending and _is_closed(period, state, now):
        return state
    try:
        fill(now, period, wait_s=PATIENCE_S)
        clean(now, low, high, wait_s=PATIENCE_S)
    except Busy:
        logger.info("a long run of the engine is at work: %s figures are read as they are stored", period)
    return read_state(now, low, high, min(low, now))


def _extent(
    period: str, start: datetime, end: datetime, now: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """Return from where to where figures must be right: all of each bucket that begins in [start, end)."""
    first = bucket_at(period, min(start, now), zone, DEFAULT_SLOT_S)
    last = bucket_at(period, min(max(end - timedelta(microseconds=1), start), now), zone, DEFAULT_SLOT_S)
    return first.start, max(last.end, first.end)


def _is_closed(period: str, state: State, now: datetime) -> bool:
    return state.marks.get(period) == state.cut.last_boundary(period, now)


def _pending(
    low: datetime, high: datetime, state: State, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of [low, high) that are not computed, without overlap."""
    closed = state.cut.last_boundary("slot", now)
    filled = state.marks.get("slot", closed)
    ranges = [*state.dirty, *([(filled, closed)] if filled < closed else [])]
    at = low
    for start, end in sorted(ranges):
        a, b = max(start, at), min(end, high, closed)
        if a < b:
            yield a, b
            at = b
