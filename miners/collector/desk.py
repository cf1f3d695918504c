"""Where work on the database is done: one piece at a time, here or in a thread that may hang without harm."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Done:
    """How a piece of work ended: what it returned, or what it raised."""

    result: Any = None
    error: Exception | None = None


class Desk(Protocol):
    """Does one piece of work at a time."""

    def start(self, work: Callable[[], Any], ended: Callable[[], None]) -> None:
        """Begin `work`; `ended` is called, in whatever thread, when `take` has its end. Only when nothing is under way."""
        ...

    def take(self) -> Done | None:
        """Return how the work ended, once; None while it is under way or where there was none."""
        ...


class HereDesk:
    """Does the work at once, in the thread that asks for it."""

    def __init__(self) -> None:
        self._done: Done | None = None

    def start(self, work: Callable[[], Any], ended: Callable[[], None]) -> None:
        self._done = attempt(work)
        ended()

    def take(self) -> Done | None:
        done, self._done = self._done, None
        return done


class ThreadDesk:
    """Does the work in a thread of its own, which alone then uses the database.

    A daemon: a server that never answers must not keep the process from ending.
    """

    def __init__(self) -> None:
        self._todo: SimpleQueue[tuple[Callable[[], Any], Callable[[], None]]] = SimpleQueue()
        self._done: Done | None = None
        threading.Thread(target=self._serve, name="database", daemon=True).start()

    def start(self, work: Callable[[], Any], ended: Callable[[], None]) -> None:
        self._todo.put((work, ended))

    def take(self) -> Done | None:
        done, self._done = self._done, None
        return done

    def _serve(self) -> None:
        while True:
            work, ended = self._todo.get()
            self._done = attempt(work)
            ended()


def attempt(work: Callable[[], Any]) -> Done:
    """Do `work` and return how it ended."""
    try:
        return Done(result=work())
    except Exception as error:  # noqa: BLE001  (it is raised again by whoever takes it)
        return Done(error=error)
