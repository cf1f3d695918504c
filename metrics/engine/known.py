"""What a process has found out and need not ask again, as long as what it was made of has not changed.

Whoever keeps something says in its key all that it follows from, or looks how old it is: nothing here expires by itself.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from hmm.replica.route import connection

Value = TypeVar("Value")


class Known(Generic[Value]):
    """At most `most` values by key; those that nobody has asked for longest are forgotten first. For any threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get(self, key: Hashable) -> Value | None:
        """Return the value, None where it is not known."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Hashable, value: Value) -> Value:
        """Remember the value, and return it."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
            return value


def this_database() -> tuple[str, ...]:
    """Return what tells the database that is read from here from any other."""
    settings = connection.settings_dict
    return (str(settings["HOST"]), str(settings["PORT"]), str(settings["NAME"]))
