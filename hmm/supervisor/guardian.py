"""Ends the services when the supervisor was killed and could not do it itself.

A process of its own that does nothing but wait for the other end of its standard input to close, which it
does however the supervisor ends. After an orderly end there is nothing left to do.
"""

import signal
import subprocess
import sys
from pathlib import Path

from hmm.supervisor.processes import end_token_bearers

ROOT = Path(__file__).resolve().parents[2]


class Guardian:
    """The supervisor's handle on its guardian."""

    def __init__(self, token: str, grace_s: float) -> None:
        self._argv = [sys.executable, "-m", "hmm.supervisor.guardian", token, str(grace_s)]
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._argv, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)

    def ensure_alive(self) -> None:
        """Replace a guardian that has died."""
        if self._process.poll() is not None:
            self._process = self._start()

    def dismiss(self) -> None:
        """End the guardian; call it when the services have ended."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(token: str, grace_s: float) -> None:
    """Wait for the supervisor's end, then end what carries its token."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_token_bearers(token, grace_s)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
