"""The books of the door: whose turn it is to ask a host, and how often asking went well.

Which books are kept is the setting OUTSIDE_BOOKS: those in the database, which all processes share, or those of this
process alone, for commands that need no database.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from hmm.door.source import Source


class Outcome(StrEnum):
    """How a question was answered; each is counted by source and host."""

    HIT = "hits"
    """From the cache, fresh: nobody was asked."""

    MISS = "misses"
    """By the service."""

    UNCACHED = "uncached"
    """By the service, to who asks for what is stored: once, or less often than answers are fresh."""

    ERROR = "errors"
    """Not at all, to who looks: the service gave nothing usable."""

    UNCACHED_ERROR = "uncached_errors"
    """Not at all, to who asks for what is stored, or once: an error that says nothing of the cache."""

    UNASKED = "unasked"
    """Not at all: asking has failed a moment ago, or somebody else is at it for too long, and who looks was told so."""

    STALE = "stale"
    """After an error, by an older answer; counted beside the error, or beside not asking."""


class Books(Protocol):
    """Who may ask when, and what came of it."""

    def turn(self, source: Source, host: str, patience_s: float) -> float:
        """Take the next turn to ask `host` and return the seconds until it comes.

        Where that is longer than `patience_s`, no turn is taken and the time returned is what there is to wait.
        """

    def leave_alone(self, source: Source, host: str, wait_s: float) -> None:
        """Give nobody a turn before `wait_s` seconds are over."""

    def note(self, source: str, host: str, outcome: Outcome | None, error: str = "") -> None:
        """Count an outcome, none where it is counted already; an error is kept as the last one."""


_chosen: ContextVar["Books | None"] = ContextVar("books", default=None)


def books() -> Books:
    """Return the books that the settings name, or those of `books_of_this_process`."""
    return _chosen.get() or _books(settings.OUTSIDE_BOOKS)


@contextmanager
def books_of_this_process() -> Iterator[None]:
    """Within, keep books without a database."""
    token = _chosen.set(ProcessBooks())
    try:
        yield
    finally:
        _chosen.reset(token)


@lru_cache
def _books(path: str) -> Books:
    made: Books = import_string(path)()
    return made


class ProcessBooks:
    """Books of this process alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[tuple[str, str], float] = {}
        self.counts: dict[tuple[str, str], dict[Outcome, int]] = {}
        self.last_errors: dict[tuple[str, str], str] = {}

    def turn(self, source: Source, host: str, patience_s: float) -> float:
        """See Books."""
        now, key = time.monotonic(), (source.name, host)
        with self._lock:
            at = max(now, self._next.get(key, now))
            wait_s = max(0.0, at - source.burst_s - now)
            if wait_s <= patience_s:
                self._next[key] = at + source.pace_s
        return wait_s

    def leave_alone(self, source: Source, host: str, wait_s: float) -> None:
        """See Books."""
        until, key = time.monotonic() + wait_s + source.burst_s, (source.name, host)
        with self._lock:
            self._next[key] = max(until, self._next.get(key, until))

    def note(self, source: str, host: str, outcome: Outcome | None, error: str = "") -> None:
        """See Books."""
        with self._lock:
            counts = self.counts.setdefault((source, host), dict.fromkeys(Outcome, 0))
            if outcome is not None:
                counts[outcome] += 1
            if error:
                self.last_errors[source, host] = error
