"""Locks between processes, which the system lets go of when their holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hmm.postgres.errors import ServerUnavailable, reason


@contextmanager
def exclusive(path: Path, patience_s: float) -> Iterator[None]:
    """Hold the lock on `path`, also against other threads of this process.

    Raises ServerUnavailable when it is not to be had within `patience_s`.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, patience_s)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked meanwhile shares the descriptor
    finally:
        os.close(descriptor)


class Presence:
    """A process's sign that it uses the thing at `path`, until it leaves or dies.

    Children forked after `enter` are part of the same presence.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def entered(self) -> bool:
        return self._descriptor is not None

    def enter(self) -> None:
        """Be present, beside any number of others."""
        if self._descriptor is None:
            descriptor = _open(self._path)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._descriptor = descriptor

    def leave(self) -> bool:
        """Be present no longer. Returns whether nobody else is."""
        descriptor = self._descriptor if self._descriptor is not None else _open(self._path)
        self._descriptor = None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServerUnavailable(
            f"cannot open the lock {reason(error)}. Set HMM_DATA_DIR to a directory you can write."
        ) from error
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _acquire(descriptor: int, path: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"another process has been starting or stopping the database for {patience_s:.0f} s "
                    f"(it holds {path}). End that process and try again."
                ) from None
            time.sleep(0.02)
