"""What a collector keeps on disk while the database is away: written by it, read by who asks how it is.

It is a file beside the spool, since the database is not there to be asked.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DIRECTORY = "spool"
FILE = "state.json"
FRESH_FOR = timedelta(seconds=90)
FOR_THE_HOUSE = ("pid", "max_bytes", "reason")
TIMES = ("at", "since", "oldest", "full_since")


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How a collector and its spool are at the moment `at`.

    `since`: the database is away or the spool has not been emptied since then; None: all is well. `readings`,
    `size_bytes` and `oldest` are of what is not stored yet. `lost` counts what did not fit since `full_since`.
    `reason` is why the database is away, empty once it is back and the spool is being replayed.
    """

    at: datetime
    pid: int
    since: datetime | None = None
    readings: int = 0
    size_bytes: int = 0
    max_bytes: int = 0
    oldest: datetime | None = None
    full_since: datetime | None = None
    lost: int = 0
    reason: str = ""

    @property
    def replaying(self) -> bool:
        """Return whether the database is back, and what was spooled is being stored."""
        return self.since is not None and not self.reason

    def is_fresh(self, now: datetime) -> bool:
        """Return whether its collector is alive at `now`."""
        return now - self.at <= FRESH_FOR

    def says(self) -> dict[str, Any]:
        """Return it as JSON has it, for programs and for everyone: without the reason, which may name hosts and users."""
        shown = {name: _text(value) for name, value in asdict(self).items() if name not in FOR_THE_HOUSE}
        return shown | {"replaying": self.replaying, "full": self.full_since is not None}


def write_state(directory: Path, state: SpoolState) -> None:
    """Write `state` beside the spool in `directory`, at once or not at all. Raises OSError."""
    aside = directory / f".{FILE}.{os.getpid()}"
    aside.write_text(json.dumps({name: _text(value) for name, value in asdict(state).items()}))
    aside.replace(directory / FILE)


def read_states(data_dir: Path) -> list[SpoolState]:
    """Return the state of each collector that has a spool in `data_dir`, running or not."""
    found = (_read(path) for path in sorted((data_dir / DIRECTORY).glob(f"*/{FILE}")))
    return [state for state in found if state is not None]


def _read(path: Path) -> SpoolState | None:
    try:
        values = json.loads(path.read_text())
        times = {name: datetime.fromisoformat(values[name]) for name in TIMES if values[name] is not None}
        return SpoolState(**values | times)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none there, or another version's


def _text(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
