"""Waits for what other processes do, with a patience that a slow machine does not exhaust."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(found: Callable[[], T], what: str, patience_s: float = 60) -> T:
    """Return the first true result of `found`; fail, naming `what`, when there is none for `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not (result := found()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s for {what}"
        time.sleep(0.05)
    return result
