"""A bounded number of threads that poll."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Lane:
    """Runs what it is given, at most `threads` at a time, in daemon threads started as they are needed.

    Daemons, since a poll that hangs in the resolver must not keep the process from ending.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._todo: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], None]) -> None:
        """Have `work`, which raises nothing, done as soon as a thread is free."""
        with self._lock:
            self._busy += 1
            if self._busy > len(self._threads) and len(self._threads) < self._most:
                self._start_thread()
        self._todo.put(work)

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            work = self._todo.get()
            work()
            with self._lock:
                self._busy -= 1
