"""What a request reads of the engine's state, it reads once for all the figures that it shows.

Only `metrics.query` looks here: the engine, which writes, lies below and always asks the database.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from hmm.replica.route import connection, reads_from
from metrics.engine.state import State, read_state, read_state_beside
from metrics.store.kept import KeptFunction

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Beside:
    """A kept query, with its parameters, that a page wants asked along with the engine's state."""

    query: KeptFunction
    params: Mapping[str, Any]


@dataclass(slots=True)
class _Reading:
    """The state that was last read: as of `now`, on the database `alias`, of everything from `start` on.

    `told` is what `beside` gave at the same moment, None as long as it was not asked.
    """

    alias: str = ""
    now: datetime = END_OF_TIME
    start: datetime = END_OF_TIME
    opened: datetime = END_OF_TIME
    state: State | None = None
    beside: Beside | None = None
    told: Any = None


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


def ask_beside(beside: Beside) -> None:
    """Have this asked each time that the state is read from here on, so that it comes without a query of its own."""
    if known := _reading.get():
        known.beside, known.told = beside, None


def told_beside(beside: Beside) -> Any:
    """Return what this gave when the state was last read; ask by itself where it was not asked along with it."""
    known = _reading.get()
    if (
        known is not None
        and known.beside is beside
        and known.told is not None
        and known.alias == reads_from()
    ):
        return known.told
    with connection.cursor() as cursor:
        return beside.query.call(cursor, beside.params)


def _read(known: _Reading, now: datetime, start: datetime, opened: datetime) -> State:
    if known.beside is None:
        state = read_state(now, start, END_OF_TIME, opened)
    else:
        state, known.told = read_state_beside(
            now, start, END_OF_TIME, opened, known.beside.query, known.beside.params
        )
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
