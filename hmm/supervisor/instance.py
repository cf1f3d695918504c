"""One supervisor for each data directory, and the remains of one that was killed."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hmm.lib.commands import fail
from hmm.supervisor.loop import GRACE_S, STATUS_FILE
from hmm.supervisor.processes import end_token_bearers

LOCK_FILE = "up.lock"


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Hold the data directory's lock. Fails with one line that names the process that has it."""
    with open_lock(data_dir / LOCK_FILE) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(_already_running(data_dir, os.pread(descriptor, 20, 0).decode().strip()))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)


@contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """Open the lock file, which is never removed: a removed one could be locked by two at once."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}. Set HMM_DATA_DIR to a directory you can write.")
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _already_running(data_dir: Path, pid: str) -> str:
    who = f" as process {pid}" if pid else ""
    return (
        f"HMM is already running on {data_dir}{who}. "
        f"Stop that one first, or set HMM_DATA_DIR to another directory."
    )


def end_leftovers(data_dir: Path, grace_s: float = GRACE_S) -> bool:
    """End the services of a supervisor that was killed; return whether there were any."""
    token = _token_left_in(data_dir / STATUS_FILE)
    return bool(token) and end_token_bearers(token, grace_s)


def _token_left_in(status_path: Path) -> str:
    try:
        return str(json.loads(status_path.read_text())["token"])
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError):  # cut short by a crash of the machine, which ended them all
        return ""
