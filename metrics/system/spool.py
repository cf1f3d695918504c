"""What the collectors keep on disk that is not in the database yet, and the rows that were set aside."""

from datetime import datetime
from typing import Any

from django.conf import settings

from hmm.spool_state import read_states
from metrics.system.base import Block, blocks


def context(now: datetime) -> dict[str, Any]:
    """Return each collector's spool in this machine's data directory."""
    states = read_states(settings.DATA_DIR)
    return {
        "spools": [(state, state.is_fresh(now)) for state in states if state.since is not None],
        "lost": sum(state.lost for state in states),
        "collectors": len([state for state in states if state.is_fresh(now)]),
    }


blocks.register("spool", Block("spool", "Write path", 20, "metrics/system/_spool.html", context))
