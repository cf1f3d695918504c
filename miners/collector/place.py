"""Where a collector has its spool: the first directory below HMM_DATA_DIR/spool that no other one uses."""

import fcntl
import os
from itertools import count
from pathlib import Path

from hmm.spool_state import DIRECTORY, FILE
from miners.collector.spool import SUFFIX

LOCK = "lock"


class Place:
    """A directory that is this process's until it ends, however it ends.

    What collectors have left behind that run no more, as one of two that are now one, is moved into it.
    """

    def __init__(self, data_dir: Path) -> None:
        root = data_dir / DIRECTORY
        self.directory, self._lock = _first_free(root)
        for other in sorted(root.iterdir()):
            if other != self.directory and other.is_dir():
                _adopt(other, self.directory)

    def leave(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def _first_free(root: Path) -> tuple[Path, int]:
    for number in count(1):
        directory = root / str(number)
        directory.mkdir(parents=True, exist_ok=True)
        if (lock := _try_lock(directory)) is not None:
            return directory, lock
    raise AssertionError("there is always a next number")


def _try_lock(directory: Path) -> int | None:
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _adopt(other: Path, directory: Path) -> None:
    lock = _try_lock(other)
    if lock is None:
        return
    try:
        for segment in other.glob(f"*{SUFFIX}"):
            segment.rename(directory / segment.name)
        (other / FILE).unlink(missing_ok=True)
    finally:
        os.close(lock)
