"""What a page shows while a run of the engine is at work on its figures: what is stored, and that it is being computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from hmm.installation import installation

A_MOMENT_S = 0.5
"""How long a page does. Most runs are over by then."""


@dataclass(slots=True)
class Meanwhile:
    """What has been shown as it was stored: figures of [start, end), null where all were right."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def words(self) -> str:
        """What the page says of it, empty where all is right."""
        if self.start is None or self.end is None:
            return ""
        zone = installation().zone
        start, end = (at.astimezone(zone) for at in (self.start, self.end))
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
        return (
            f"figures from {start:%Y-%m-%d %H:%M} to {until} are being computed just now by a long run; "
            "until then they are shown as they are stored"
        )

    def note(self, start: datetime, end: datetime) -> None:
        """Keep that figures of [start, end) were taken as they are stored."""
        self.start = min(start, self.start or start)
        self.end = max(end, self.end or end)


_meanwhile: ContextVar[Meanwhile | None] = ContextVar("as it is stored meanwhile", default=None)


@contextmanager
def as_stored_meanwhile() -> Iterator[Meanwhile]:
    """Within, figures on which another run is at work are given as they are stored, after a moment; see what is given."""
    token = _meanwhile.set(found := Meanwhile())
    try:
        yield found
    finally:
        _meanwhile.reset(token)


def patience_of(usual_s: float) -> float:
    """Return how long to wait for another run: as usual, a page only a moment, and not at all once it has done so in vain."""
    found = _meanwhile.get()
    if found is None:
        return usual_s
    return min(A_MOMENT_S, usual_s) if found.start is None else 0.0


def goes_without(start: datetime, end: datetime) -> bool:
    """Return whether the reader takes figures of [start, end) as they are stored, which is kept to be said."""
    found = _meanwhile.get()
    if found is not None:
        found.note(start, end)
    return found is not None
