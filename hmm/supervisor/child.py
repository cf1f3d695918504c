"""One service as a running process, or between two runs."""

import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from enum import StrEnum

from hmm.supervisor.console import Console
from hmm.supervisor.decisions import Backoff
from hmm.supervisor.processes import TOKEN, kill_session, send
from hmm.supervisor.service import Service

NOT_FOR_CHILDREN = ("HMM_ADMIN_PASSWORD",)
"""Read while migrating and by nothing else."""


class State(StrEnum):
    """What a service is doing."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


class Child:
    """A service, its process while it runs, and when it is due again while it does not."""

    def __init__(self, service: Service, token: str, console: Console, backoff: Backoff) -> None:
        self.service = service
        self.state = State.WAITING
        self.since = datetime.now(UTC)
        self.starts = 0
        self.failures = 0
        self.stalled: str | None = None
        """Why it must be restarted; set by the thread that watches."""
        self._token = token
        self._console = console
        self._backoff = backoff
        self._started = time.monotonic()
        self._due = self._started + service.head_start_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def step(self) -> bool:
        """Start what is due, notice what has ended, kill what has stalled; return whether anything changed."""
        if self._process is None:
            return self._start_if_due()
        if self.stalled:
            return self._end_stalled()
        if self._process.poll() is not None:
            return self._ended(self._process.returncode)
        return False

    def ask_to_end(self) -> None:
        """Tell the service, not its children, to wind down."""
        if self._process and self._process.poll() is None:
            send(signal.SIGTERM, [self._process.pid])

    def has_ended(self) -> bool:
        """Say whether the service's own process has ended."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End the service and all it has started, now."""
        if self._process is None:
            return
        kill_session(self._process.pid)
        self._process.wait()
        self._process = None

    def _start_if_due(self) -> bool:
        needs = self.service.needs
        waits = self.state is State.DONE or time.monotonic() < self._due or bool(needs and not needs.exists())
        if waits:
            return False
        try:
            self._start()
        except OSError as error:  # no memory or no process left: as if it had died at once
            self._fail(f"cannot be started: {error.strerror}")
        return True

    def _start(self) -> None:
        self.stalled = None
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self.service.argv,
            env=self._environment(),
            cwd=self.service.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.starts += 1
        self._enter(State.RUNNING)
        if self._process.stdout:
            self._console.relay(self.service.name, self._process.stdout)
        if self.service.watchdog:
            self.service.watchdog.started(self._process.pid)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
        return inherited | {"PYTHONUNBUFFERED": "1", TOKEN: self._token} | self.service.env

    def _end_stalled(self) -> bool:
        self._console.say(f"{self.service.name} has stalled ({self.stalled}); restarting it")
        self.kill()
        self._enter(State.WAITING)
        return True

    def _ended(self, status: int) -> bool:
        self.kill()
        if self.service.once and status == 0:
            self._enter(State.DONE)
            return True
        self._fail(describe_status(status))
        return True

    def _fail(self, how: str) -> None:
        self.failures = self._backoff.failures_after(self.failures, time.monotonic() - self._started)
        pause_s = self._backoff.pause_s(self.failures)
        self._due = time.monotonic() + pause_s
        self._enter(State.WAITING)
        self._console.say(describe_failure(self.service.name, how, self.failures, pause_s))

    def _enter(self, state: State) -> None:
        self.state = state
        self.since = datetime.now(UTC)


def describe_status(status: int) -> str:
    """Return how a process has ended, from its return code as `subprocess` gives it."""
    return f"exit status {status}" if status >= 0 else f"killed by {signal_name(-status)}"


def describe_failure(name: str, how: str, failures: int, pause_s: float) -> str:
    """Return the one line about a service that has died."""
    again = f"starting it again in {pause_s:g} s"
    if failures < 3:
        return f"{name} has ended ({how}); {again}"
    return f"{name} keeps dying ({how}; {failures} times in a row); {again}"


def signal_name(signum: int) -> str:
    """Return the name of a signal, or its number where it has none."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"
