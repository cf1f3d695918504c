"""Work that is done again every few seconds, beside the queue, which looks at its schedules each half minute."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils.module_loading import import_string

from hmm.schedule import STEADY

log = logging.getLogger(__name__)

AWAY = (DatabaseError, InterfaceError, OSError)


class Steady:
    """Does `work` every `every_s` seconds in a thread of its own. What fails is said once, and tried again."""

    def __init__(self, work: Callable[[], object], every_s: float, name: str) -> None:
        self._work = work
        self._every_s = every_s
        self._name = name
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Steady":
        """Begin, in the process that calls this: a thread does not outlive a fork."""
        self._thread.start()
        return self

    def stop(self, timeout_s: float | None = None) -> None:
        """End after what is being done, and wait for that."""
        self._stop.set()
        self._thread.join(timeout_s)

    def once(self) -> bool:
        """Do it now; return whether it worked. Raises nothing."""
        try:
            close_old_connections()
            self._work()
        except Exception as error:  # noqa: BLE001  (whatever the fault, the next time may do)
            self._failed(error)
            return False
        if self._failing:
            log.info("%s works again", self._name)
        self._failing = False
        return True

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.once()
        connection.close()

    def _failed(self, error: Exception) -> None:
        if not self._failing and isinstance(error, AWAY):
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            log.warning("%s failed: %s", self._name, reason)
        elif not self._failing:
            log.error("%s failed", self._name, exc_info=error)
        self._failing = True


def start_steady() -> list[Steady]:
    """Begin all that the table of jobs has done steadily, until the process ends."""
    return [Steady(import_string(func), every_s, func).start() for func, every_s in STEADY]
