"""What a push, or its absence, says of a miner's state. Pure."""

from datetime import datetime, timedelta

from miners.collector.states import State, next_state
from miners.drivers.base import Reading
from miners.models import MinerState

MOST_INTERVALS = 2.5
LONGEST_SILENCE = timedelta(minutes=15)
"""However rarely a device pushes, it is called unreachable after so long."""


def patience(poll_interval_s: int, push_gap_s: int | None) -> timedelta:
    """Return how long a miner that pushes may be silent before it is called unreachable.

    2.5 times the poll interval of its site, as for a row's `covered_s`, or 2.5 times the gap between its last two
    pushes where that is longer, since who pushes each five minutes is no less alive; at most 15 minutes, and never
    less than 2.5 poll intervals.
    """
    usual = timedelta(seconds=MOST_INTERVALS * poll_interval_s)
    learned = timedelta(seconds=MOST_INTERVALS * (push_gap_s or 0))
    return max(usual, min(learned, LONGEST_SILENCE))


def pushed_state(hashrate_ghs: float | None, *, in_maintenance: bool) -> State:
    """Return the state of a miner that has just pushed a row with this hashrate: as for a poll."""
    return next_state(Reading("push", hashrate_ghs=hashrate_ghs), in_maintenance=in_maintenance)


def silent_state(pushed_at: datetime) -> State:
    """Return the state of a miner that has pushed nothing since `pushed_at` for longer than it may."""
    return State(MinerState.UNREACHABLE, f"has pushed nothing since {pushed_at:%Y-%m-%d %H:%M:%S} UTC")
