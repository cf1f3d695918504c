"""The only place of the simulated fleet that asks what time it is."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the devices live it, in seconds since 1970."""

    def now(self) -> float:
        """Return the time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of that time."""
        ...


class RunningClock:
    """The wall clock from now on, `speed` times as fast; steps of the system's clock do not disturb it."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._began = time.time()
        self._began_monotonic = time.monotonic()

    def now(self) -> float:
        """Return the time."""
        return self._began + (time.monotonic() - self._began_monotonic) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of that time."""
        await asyncio.sleep(seconds / self._speed)
