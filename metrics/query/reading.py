"""What a request reads of the engine's state, it reads once for all the figures that it shows.

Only `metrics.query` looks here: the engine, which writes, lies below and always asks the database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

from hmm.replica.route import reads_from
from metrics.engine.state import State, read_state

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Reading:
    """The state that was last read: as of `now`, on the database `alias`, of everything from `start` on."""

    alias: str = ""
    now: datetime = END_OF_TIME
    start: datetime = END_OF_TIME
    opened: datetime = END_OF_TIME
    state: State | None = None


_reading: ContextVar[_Reading | None] = ContextVar("one reading", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """Within, figures of one `now` share what is read of the engine's state. It ends with the block, whatever happens."""
    token = _reading.set(_Reading())
    try:
        yield
    finally:
        _reading.reset(token)


class OneReadingMiddleware:
    """Makes each request that only reads one reading. One that writes must see what it has written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        with one_reading():
            return self.get_response(request)


def known_state(now: datetime, start: datetime, end: datetime, opened: datetime) -> State:
    """Return what `read_state` does, without a query where this reading knows it."""
    known = _reading.get()
    if known is None:
        return read_state(now, start, end, opened)
    is_same = (known.alias, known.now) == (reads_from(), now)
    if known.state is None or not is_same or start < known.start or opened < known.opened:
        low, since = (min(start, known.start), min(opened, known.opened)) if is_same else (start, opened)
        return _narrowed(_read(known, now, low, since), start, end)
    return _narrowed(known.state, start, end)


def fresh_state(now: datetime, start: datetime, end: datetime, opened: datetime) -> State:
    """Return what `read_state` does, read at this moment: something has just been computed."""
    known = _reading.get()
    if known is None:
        return read_state(now, start, end, opened)
    return _narrowed(_read(known, now, start, opened), start, end)


def _read(known: _Reading, now: datetime, start: datetime, opened: datetime) -> State:
    state = read_state(now, start, END_OF_TIME, opened)
    known.alias, known.now, known.start, known.opened, known.state = (
        reads_from(),
        now,
        start,
        opened,
        state,
    )
    return state


def _narrowed(state: State, start: datetime, end: datetime) -> State:
    return replace(state, dirty=[(low, high) for low, high in state.dirty if low < end and high > start])
