"""Ctrl-C, SIGTERM and SIGHUP as a request to stop."""

import signal
import threading
from types import FrameType, TracebackType


class StopSignals:
    """Within the block, sets `stop` when a signal asks for it.

    Until `running()` is called it also raises KeyboardInterrupt, so that a long preparation ends at once.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._preparing = True

    def __enter__(self) -> "StopSignals":
        wanted = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            wanted.append(signal.SIGHUP)
        self._before = {signum: signal.signal(signum, self._handle) for signum in wanted}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def running(self) -> threading.Event:
        """From here on only set the event; return it."""
        self._preparing = False
        return self.stop

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.stop.set()
        if self._preparing:
            self._preparing = False  # what is cleaned up then is not interrupted again
            raise KeyboardInterrupt
