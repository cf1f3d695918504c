"""The supervisor's voice: its own lines, and those of the services with their name before them."""

import sys
import threading
from typing import IO, TextIO

NAME_WIDTH = 9


class Console:
    """Writes whole lines from several threads. A console that has gone away is no reason to stop."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._gone = False

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        with self._lock:
            self._write(f"{text}\n")

    def relay(self, name: str, stream: IO[bytes]) -> threading.Thread:
        """Write each line of `stream` with `name` before it, in a thread, until the stream ends."""
        thread = threading.Thread(target=self._pump, args=(name, stream), name=f"log {name}", daemon=True)
        thread.start()
        return thread

    def _pump(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.say(f"{name:<{NAME_WIDTH}} | {line.decode(errors='replace').rstrip()}")

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):  # the terminal or pipe was closed; services must be ended all the same
            self._gone = True
