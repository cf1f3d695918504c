"""Before reading: what the range needs and nobody has computed yet is computed, up to two days of it."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.installation import installation
from hmm.lib.buckets import DEFAULT_SLOT_S, bucket_at
from hmm.replica.route import use_primary
from metrics.engine.run import Busy, clean, fill, sum_open_slot
from metrics.engine.state import State
from metrics.query.meanwhile import goes_without, patience_of
from metrics.query.reading import END_OF_TIME, fresh_state, known_state

logger = logging.getLogger(__name__)

SUMS_LAST_MEANWHILE = timedelta(minutes=2)
"""For so long sums of the open slot are shown, as of their end, while a run of the engine keeps readers from renewing them."""

PATIENCE_S = 2.0
"""How long a reader waits for another run of the engine before it takes what is stored."""

ON_DEMAND = timedelta(days=2, hours=1)
"""How much may be computed while someone waits: two local days, one of which may have 25 hours."""

A_DAY = timedelta(days=1)

WORTH_SUMMING = 500 * timedelta(minutes=10)
"""So much time of miners, each by itself, is read from telemetry as fast as sums of it are looked up."""


class NotComputedYet(Exception):
    """More is still to be computed in the range than a reader should wait for."""

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(
            f"figures from {start:%Y-%m-%d} to {end:%Y-%m-%d} are not computed yet; "
            f"run: manage.py backfill_metrics --from {start:%Y-%m-%d} --to {end:%Y-%m-%d}"
        )
        self.start, self.end = start, end


class BeingComputed(NotComputedYet):
    """What is missing is being computed at this moment by a long run of the engine: ask again."""

    def __str__(self) -> str:
        return "figures of this range are being computed just now by a long run; ask again in a moment"


def prepared_state(period: str, start: datetime, end: datetime, now: datetime) -> State:
    """Return the state for reading [start, end), once what is closed or dirty in it is computed.

    Raises NotComputedYet when that is more than two days, BeingComputed when a long run is at it, unless the reader goes
    without (`as_stored_meanwhile`).
    """
    low, high = _extent(period, start, end, now, installation().zone)
    state = known_state(now, low, high, min(low, now))
    pending = list(_pending(low, high, state, now))
    gap = list(_gap(state, now))
    if not pending and _is_closed(period, state, now, high):
        return with_open_sums(state, low, high, now)
    if use_primary():  # a replica lags, and nothing can be computed there
        return prepared_state(period, start, end, now)
    if _length(pending) > ON_DEMAND or _length(gap) > ON_DEMAND:
        raise NotComputedYet(min(a for a, _ in pending or gap), max(b for _, b in pending or gap))
    try:
        fill(now, period, wait_s=patience_of(PATIENCE_S))
        clean(now, low, high, wait_s=patience_of(PATIENCE_S))
    except Busy as busy:
        state = fresh_state(now, low, high, min(low, now))
        pending = list(_pending(low, high, state, now))
        is_right = not pending and _is_closed(period, state, now, high)
        if not is_right and not goes_without(*_not_right(pending, period, low, state, now)):
            raise BeingComputed(low, high) from busy
        return state
    return with_open_sums(fresh_state(now, low, high, min(low, now)), low, high, now)


def open_state(period: str, now: datetime) -> State:
    """Return the state for reading the open bucket of `period` alone.

    The live tail reads from telemetry what no run has filled, so that only what is dirty is computed first, and not
    even that while a long run of the engine is at work.
    """
    low, high = _extent(period, now, now, now, installation().zone)
    state = known_state(now, low, high, low)
    if not state.dirty and _length(_gap(state, now)) < A_DAY:
        return with_open_sums(state, low, high, now, period)
    if use_primary():
        return open_state(period, now)
    try:
        if _length(_gap(state, now)) <= ON_DEMAND:
            fill(now, period, wait_s=patience_of(PATIENCE_S))
        clean(now, low, high, wait_s=patience_of(PATIENCE_S))
    except Busy:
        logger.info("a long run of the engine is at work: the open %s figures are read as they are", period)
    return with_open_sums(fresh_state(now, low, high, low), low, high, now, period)


def with_open_sums(
    state: State,
    low: datetime,
    high: datetime,
    now: datetime,
    through: str = "slot",
    *,
    patient: bool = False,
) -> State:
    """Return the state with what sites did in the open slot summed, where that is worth it and reaches into [low, high).

    Whoever finds sums too old sums what has been told since, mostly some seconds' telemetry. While somebody else is at
    it, or a run of the engine, those of a moment ago are shown at once unless `patient`; where there are none, telemetry
    is read, after some waiting.
    """
    opened = state.marks.get("slot", now)
    told = state.summed is not None and state.summed.as_of(now, state.sums_last) is not None
    if told or not opened < high or not _worth_summing(state, opened, now):
        return state
    if use_primary():
        return with_open_sums(
            fresh_state(now, low, high, min(low, now)), low, high, now, through, patient=patient
        )
    meanwhile = replace(state, sums_last=SUMS_LAST_MEANWHILE)
    shown = state.summed is not None and state.summed.as_of(now, SUMS_LAST_MEANWHILE) is not None
    wait_s = 0 if shown and not patient else PATIENCE_S
    try:
        if list(_gap(state, now)) or not _is_closed("hourly", state, now):
            fill(now, "hourly" if through == "slot" else through, wait_s=wait_s)
        sum_open_slot(now, wait_s=wait_s)
    except Busy:
        logger.info("a run of the engine is at work: the open slot is not summed for now")
        return meanwhile
    return fresh_state(now, low, high, min(low, now))


def keep_open_sums(now: datetime, older_than: timedelta | None = None) -> bool:
    """Bring the sums of the open slot up to `now`, so that readers seldom have to; return whether there are any.

    Those that readers would show are left as they are, but for what is `older_than` that. One query where sums are not
    worth it.
    """
    low, high = _extent("slot", now, now, now, installation().zone)
    state = replace(known_state(now, low, high, low), sums_last=older_than)
    return with_open_sums(state, low, high, now, patient=True).summed is not None


def _worth_summing(state: State, opened: datetime, now: datetime) -> bool:
    return len(state.farm.miner_sites) * (now - opened) > WORTH_SUMMING


def _gap(state: State, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield what time has closed since the store was filled."""
    closed = state.cut.last_boundary("slot", now)
    filled = state.marks.get("slot", closed)
    if filled < closed:
        yield filled, closed


def _length(stretches: Iterable[tuple[datetime, datetime]]) -> timedelta:
    return sum((b - a for a, b in stretches), timedelta())


def _extent(
    period: str, start: datetime, end: datetime, now: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """Return from where to where figures must be right: all of each bucket that begins in [start, end)."""
    first = bucket_at(period, min(start, now), zone, DEFAULT_SLOT_S)
    last = bucket_at(period, min(max(end - timedelta(microseconds=1), start), now), zone, DEFAULT_SLOT_S)
    return first.start, max(last.end, first.end)


def _is_closed(period: str, state: State, now: datetime, high: datetime = END_OF_TIME) -> bool:
    """Return whether each bucket of `period` that is over, and begins before `high`, is stored."""
    filled = state.marks.get(period)
    return filled is not None and filled >= min(state.cut.last_boundary(period, now), high)


def _not_right(
    pending: Sequence[tuple[datetime, datetime]], period: str, low: datetime, state: State, now: datetime
) -> tuple[datetime, datetime]:
    """Return from where to where figures are not right: what is pending, and what of `period` is over and not stored."""
    unstored = (state.marks.get(period, low), state.cut.last_boundary(period, now))
    found = [(start, end) for start, end in (*pending, unstored) if start < end]
    return min((start for start, _ in found), default=low), max((end for _, end in found), default=now)


def _pending(
    low: datetime, high: datetime, state: State, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of [low, high) that are not computed, without overlap."""
    closed = state.cut.last_boundary("slot", now)
    at = low
    for start, end in sorted([*state.dirty, *_gap(state, now)]):
        a, b = max(start, at), min(end, high, closed)
        if a < b:
            yield a, b
            at = b
