"""What a service is: data for the supervisor, and what can watch over it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Watchdog(Protocol):
    """Notices a service that runs and gets nothing done."""

    def started(self, pid: int) -> None:
        """The service has just been started as process `pid`."""

    def stalled(self, elapsed_s: float) -> str | None:
        """Look, `elapsed_s` after the last look; return why the service must be restarted, or None."""


@dataclass(frozen=True)
class Service:
    """A program to keep running, or with `once` to run until it has succeeded."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    once: bool = False
    needs: Path | None = None
    """Start only when this file is there."""
    head_start_s: float = 0.0
    """Start so long after the supervisor, to leave the machine to what is more urgent."""
    watchdog: Watchdog | None = None
