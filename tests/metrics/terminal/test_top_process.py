"""`manage.py top` as a person has it: a process on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import working_miners

ALTERNATE_SCREEN, ORDINARY_SCREEN, CURSOR_SHOWN = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
CTRL_C = b"\x03"
PATIENCE_S = 60

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]


class Terminal:
    """`manage.py top` on a terminal of 80×24, and all that it has been sent."""

    def __init__(self, *args: str, **environment: str) -> None:
        self.side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(other)
        self.sent = b""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "top", *args],
            cwd=settings.BASE_DIR,
            env=child_environment() | {"TERM": "xterm-256color"} | environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.other = other

    def wait_for(self, words: bytes) -> None:
        """Read until the terminal has been sent these words since the last wait."""
        begin, deadline = len(self.sent), time.monotonic() + PATIENCE_S
        while words not in self.sent[begin:]:
            assert time.monotonic() < deadline, self.sent[-2000:]
            self.read(1.0)

    def read(self, patience_s: float) -> bool:
        """Read what is there; tell whether there was something."""
        ready, _, _ = select.select([self.side], [], [], patience_s)
        if ready:
            self.sent += os.read(self.side, 65536)
        return bool(ready)

    def press(self, keys: bytes) -> None:
        os.write(self.side, keys)

    def ended(self) -> int:
        """Return the exit status, once it has ended and all is read."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.sent[-2000:]
            self.read(0.1)
        while self.read(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.side)
        os.close(self.other)


def child_environment() -> dict[str, str]:
    """Return what has a child use the tests' own database, and nothing of colours."""
    own = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    return own | {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": str(connection.settings_dict["NAME"]),
    }


@pytest.fixture
def top() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*args: str, **environment: str) -> Terminal:
        opened.append(Terminal(*args, **environment))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


@contextmanager
def closed_database() -> Iterator[None]:
    """Throw everybody out of the tests' database and let nobody in, as a server does that shuts down."""
    params: dict[str, Any] = connection.get_connection_params() | {"dbname": "postgres"}
    name = connection.settings_dict["NAME"]
    connection.close()
    known = {key: params[key] for key in ("host", "port", "user", "password", "dbname") if params.get(key)}
    with psycopg.connect(**known, autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def escape_sequences(sent: bytes) -> list[bytes]:
    """Return the control sequences (CSI) in what a terminal was sent."""
    return re.findall(rb"\x1b\[[0-?]*[ -/]*[@-~]", sent)


def test_it_shows_anew_and_ctrl_c_leaves_the_terminal_as_it_was(top: Callable[..., Terminal]) -> None:
    working_miners(1, timezone.now())
    terminal = top("--interval", "1")
    terminal.wait_for(b"gamma-1")
    MinerFactory(name="late-comer")
    terminal.wait_for(b"late-comer")
    terminal.press(CTRL_C)
    assert terminal.ended() == 0
    assert terminal.sent.index(ALTERNATE_SCREEN) < terminal.sent.index(b"gamma-1")
    after = terminal.sent.rpartition(b"gamma-1")[2]
    assert ORDINARY_SCREEN in after
    assert CURSOR_SHOWN in after
    assert b"Traceback" not in terminal.sent
    assert termios.tcgetattr(terminal.other) == terminal.before


def test_sigterm_leaves_the_terminal_as_it_was_too(top: Callable[..., Terminal]) -> None:
    terminal = top()
    terminal.wait_for(b"queue:")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 128 + signal.SIGTERM
    after = terminal.sent.rpartition(b"queue:")[2]
    assert ORDINARY_SCREEN in after
    assert CURSOR_SHOWN in after


def test_without_colour_the_screen_moves_and_has_no_styles(top: Callable[..., Terminal]) -> None:
    terminal = top(NO_COLOR="1")
    terminal.wait_for(b"queue:")
    terminal.press(CTRL_C)
    assert terminal.ended() == 0
    assert ALTERNATE_SCREEN in terminal.sent
    assert b"m" not in {sequence[-1:] for sequence in escape_sequences(terminal.sent)}


def test_a_database_that_goes_away_is_one_line_until_it_is_back(top: Callable[..., Terminal]) -> None:
    terminal = top("--interval", "1")
    terminal.wait_for(b"queue:")
    with closed_database():
        terminal.wait_for(b"the database refused, trying again each 1 s: ")
    terminal.wait_for(b"queue:")
    terminal.press(CTRL_C)
    assert terminal.ended() == 0
    assert b"Traceback" not in terminal.sent


@pytest.mark.parametrize("colours", [[], ["--force-color"]])
def test_into_a_pipe_it_writes_page_after_page(colours: list[str]) -> None:
    command = [sys.executable, "manage.py", "top", "--interval", "1", *colours]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=child_environment(), **pipes) as process:
        too_long = threading.Timer(PATIENCE_S, process.kill)
        too_long.start()
        pages = b""
        while pages.count(b"queue:") < 2 and (line := process.stdout.readline()):
            pages += line
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        too_long.cancel()
    assert (process.returncode, pages.count(b"queue:")) == (0, 2), errors
    assert {sequence[-1:] for sequence in escape_sequences(pages)} == ({b"m"} if colours else set())


def test_once_without_a_database_is_one_line_and_status_2() -> None:
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing"}
    done = subprocess.run(
        [sys.executable, "manage.py", "top", "--once"],
        cwd=settings.BASE_DIR,
        env=child_environment() | nowhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("top: the database refused: ")
    assert done.stderr.count("\n") == 1
