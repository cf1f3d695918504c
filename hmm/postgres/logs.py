"""The server's log: kept short, and read for the line that tells."""

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 5_000_000
GRAVE = ("FATAL:", "PANIC:", "error:", "could not")


def telling_line(text: str) -> str:
    """Return the line of `text` that says what went wrong: the last grave one, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    grave = [line for line in lines if any(word in line for word in GRAVE)]
    return (grave or lines or [""])[-1]


def size(log: Path) -> int:
    """Return the bytes of `log`, 0 when there is none."""
    return log.stat().st_size if log.exists() else 0


def telling_line_since(log: Path, position: int) -> str:
    """Return the line that says what went wrong after the first `position` bytes."""
    with log.open("rb") as file:
        file.seek(position)
        return telling_line(file.read(100_000).decode(errors="replace"))


def is_long(log: Path) -> bool:
    """Say whether it is time to `rotate`."""
    return size(log) > LIMIT_BYTES


def rotate(log: Path) -> None:
    """Keep the log as one older file and begin it anew, if it is long.

    The server keeps its file open, appending: it is emptied, not moved.
    """
    if is_long(log):
        older = log.with_name(f"{log.name}.1")
        older.touch(mode=0o600)
        shutil.copy(log, older)  # with its mode: nobody else reads either
        os.truncate(log, 0)
