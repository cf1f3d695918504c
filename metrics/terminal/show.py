"""How the screen gets out: once, again and again on a terminal, or page after page into a file."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import IO, Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from hmm.installation import installation, one_installation
from metrics.dashboard.blocks import Present
from metrics.terminal.layout import printable
from metrics.terminal.screen import Screen
from metrics.terminal.snapshot import Snapshot, take_snapshot
from metrics.terminal.thresholds import Level

Show = Callable[[RenderableType], None]


def console_on(stream: IO[str], *, no_color: bool = False, force_color: bool = False) -> Console:
    """Return a console on `stream`: no escape codes where it is no terminal, no styles where colour is not wanted."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal that knows no £ shows a question mark
    plain = no_color or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        color_system=None if plain else "auto",
        force_terminal=True if force_color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def present_now() -> Present:
    """Return this moment where the installation is."""
    here = installation()
    return Present(timezone.now(), here.zone, here.currency)


def print_once(console: Console) -> Level:
    """Print everything, however many lines; return the worst of it. Raises what the database raises."""
    snapshot = _snapshot()
    console.print(Screen(snapshot, fits=False))
    return snapshot.level


def watch(console: Console, interval_s: float) -> None:
    """Show the figures anew each `interval_s` seconds, for ever; a database that is away is one line meanwhile."""
    with ended_by_sigterm(), _display(console) as show:
        while True:
            show(frame(lines=console.height if _is_screen(console) else None, interval_s=interval_s))
            time.sleep(interval_s)


def frame(*, lines: int | None, interval_s: float) -> RenderableType:
    """Return what to show now on a screen of so many lines, or without end: the figures, or in one line why there are none."""
    try:
        close_old_connections()  # tries the connection before it is used: the server may have been restarted
        return Screen(_snapshot(lines), fits=lines is not None)
    except (InterfaceError, DatabaseError) as error:
        connection.close()
        return _away(error, timezone.now(), interval_s)


def _snapshot(lines: int | None = None) -> Snapshot:
    with one_installation():  # figures are in one currency from the first to the last
        return take_snapshot(present_now(), lines)


def _away(error: Exception, now: datetime, interval_s: float) -> Text:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    said = f"{now:%H:%M:%S}Z the database refused, trying again each {interval_s:g} s: {reason}"
    return Text(printable(said), "bold red")


@contextmanager
def _display(console: Console) -> Iterator[Show]:
    if not _is_screen(console):
        yield lambda screen: console.print(screen, Text())
        return
    # The thread that draws again each second follows a change of the terminal's size.
    with _quiet_log(), Live(console=console, screen=True, refresh_per_second=1) as live:
        yield lambda screen: live.update(screen, refresh=True)


def _is_screen(console: Console) -> bool:
    # Asked also of the file: forced colours make a terminal of anything.
    return console.is_terminal and console.file.isatty() and not console.is_dumb_terminal


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep the log from being written across the screen; one that goes elsewhere goes on."""
    before = logging.root.manager.disable
    if sys.stderr.isatty():
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end the block as an exception, so that the terminal is put back as it was."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, stack: FrameType | None) -> Any:
    sys.exit(128 + number)
