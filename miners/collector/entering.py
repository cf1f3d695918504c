"""Miners enter states: what has changed is gathered, and written at once."""

from dataclasses import dataclass, field
from datetime import datetime

from miners.collector.at_once import update_miners
from miners.collector.states import State, is_change, storable
from miners.models import Miner, MinerState, StateChange

STATE_FIELDS = ["state", "state_reason", "state_since"]


@dataclass
class Entries:
    """The states that miners have entered in one transaction."""

    changes: list[StateChange] = field(default_factory=list)
    changed: set[Miner] = field(default_factory=set)

    def enter(self, miner: Miner, state: State, at: datetime) -> None:
        """Have `miner` in `state` from `at` on, where that is a change worth a record."""
        state = storable(state)
        before = State(MinerState(miner.state), miner.state_reason)
        if not is_change(before, state):
            return
        if before.state != state.state:
            miner.state_since = at
        miner.state, miner.state_reason = state.state, state.reason
        self.changed.add(miner)
        self.changes.append(StateChange(miner=miner, at=at, state=state.state, reason=state.reason))

    def save(self) -> int:
        """Write them, in the running transaction; return how many miners have changed."""
        update_miners(self.changed, STATE_FIELDS)
        StateChange.objects.bulk_create(self.changes)
        return len(self.changed)
