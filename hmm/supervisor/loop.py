"""The supervisor itself: keeps services running until it is told to stop."""

import json
import os
import secrets
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hmm.supervisor.child import Child
from hmm.supervisor.console import Console
from hmm.supervisor.decisions import Backoff
from hmm.supervisor.guardian import Guardian
from hmm.supervisor.service import Service

STATUS_FILE = "supervisor.json"
STEP_S = 0.1
GRACE_S = 8.0
LOOK_EVERY_S = 1.0


class Supervisor:
    """Runs `services` and writes what they are doing to a status file in `data_dir`."""

    def __init__(
        self,
        services: Sequence[Service],
        data_dir: Path,
        *,
        console: Console | None = None,
        backoff: Backoff | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self.token = secrets.token_hex(16)
        self.console = console or Console()
        self._grace_s = grace_s
        self._status_path = data_dir / STATUS_FILE
        self._is_written = True
        self._children = [
            Child(service, self.token, self.console, backoff or Backoff()) for service in services
        ]

    def run(self, stop: threading.Event) -> None:
        """Keep the services running until `stop` is set, then end them and all they have started."""
        self._write_status()  # before anything is started: the next start reads the token from it
        guardian = Guardian(self.token, self._grace_s)
        watcher = threading.Thread(target=self._watch, args=(stop,), name="watchdogs", daemon=True)
        watcher.start()
        try:
            while not stop.wait(STEP_S):
                guardian.ensure_alive()
                self._step()
        finally:
            self._end_all()
            guardian.dismiss()
            self._status_path.unlink(missing_ok=True)

    def _step(self) -> None:
        changed = [child.step() for child in self._children]
        if any(changed) or not self._is_written:
            self._try_to_write_status()

    def _watch(self, stop: threading.Event) -> None:
        looked = time.monotonic()
        while not stop.wait(LOOK_EVERY_S):
            elapsed_s, looked = time.monotonic() - looked, time.monotonic()
            for child in self._children:
                if child.service.watchdog and child.pid and not child.stalled:
                    child.stalled = child.service.watchdog.stalled(elapsed_s)

    def _end_all(self) -> None:
        for child in self._children:
            child.ask_to_end()
        deadline = time.monotonic() + self._grace_s
        while time.monotonic() < deadline and not all(child.has_ended() for child in self._children):
            time.sleep(STEP_S / 2)
        for child in self._children:
            child.kill()

    def _try_to_write_status(self) -> None:
        try:
            self._write_status()
        except OSError as error:  # a full disk must not end services that run
            if self._is_written:
                self.console.say(f"cannot write {self._status_path}: {error.strerror}; the services go on")
            self._is_written = False
        else:
            self._is_written = True

    def _write_status(self) -> None:
        write_status(self._status_path, self.token, self._children)


def write_status(path: Path, token: str, children: Sequence[Child]) -> None:
    """Write which services there are, each with its process, how often it was restarted, and since when."""
    status = {
        "pid": os.getpid(),
        "token": token,
        "written_at": datetime.now(UTC).isoformat(),
        "services": [describe(child) for child in children],
    }
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(status, indent=2))
    aside.chmod(0o600)
    aside.replace(path)


def describe(child: Child) -> dict[str, Any]:
    """Return a service as the status file shows it."""
    return {
        "service": child.service.name,
        "state": child.state,
        "pid": child.pid,
        "restarts": max(child.starts - 1, 0),
        "failures": child.failures,
        "since": child.since.isoformat(),
    }
