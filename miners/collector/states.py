"""What a poll says of a miner's state. Pure."""

import re
from dataclasses import dataclass

from miners.collector.figures import text
from miners.drivers.base import Reading
from miners.models import MinerState

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class State:
    """A miner's state, and why, in one line for people."""

    state: MinerState
    reason: str = ""


def next_state(outcome: Reading | str, *, in_maintenance: bool) -> State:
    """Return the state after a poll with this outcome: a reading, or the reason that there is none.

    A poll that fails says nothing about hashing: the miner is unreachable, not off. A single one is enough,
    since nothing is known from then on; whoever alerts may wait.
    """
    if in_maintenance:
        return State(MinerState.MAINTENANCE)
    if isinstance(outcome, str):
        return State(MinerState.UNREACHABLE, outcome)
    if outcome.hashrate_ghs is None:
        return State(MinerState.ONLINE, f"answers, and does not say its hashrate{_why(outcome)}")
    if outcome.hashrate_ghs > 0:
        return State(MinerState.ONLINE)
    return State(MinerState.OFFLINE, f"answers, and does not hash{_mode(outcome)}")


def storable(state: State) -> State:
    """Return `state` with its reason cut to what is stored."""
    return State(state.state, text(state.reason, LONGEST_REASON))


def is_change(before: State, after: State) -> bool:
    """Return whether `after` is worth a record: another state, or the same for another kind of reason.

    Numbers in a reason do not make another kind: "no answer within 4.9 s" is "no answer within 5.0 s".
    """
    return before.state != after.state or _kind(before.reason) != _kind(after.reason)


def _kind(reason: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", reason)


def _why(reading: Reading) -> str:
    return f": {'; '.join(reading.warnings)}" if reading.warnings else ""


def _mode(reading: Reading) -> str:
    return f": {reading.mode}" if reading.mode else ""
