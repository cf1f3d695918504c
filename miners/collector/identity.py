"""What a collector is called: a name that no other has while it lives, and that the one after it inherits."""

import fcntl
import os
import socket
import uuid
from hashlib import blake2b
from pathlib import Path
from typing import IO

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MOST_COLLECTORS = 64
"""How many collectors may share a data directory."""


class Identity:
    """A place of its own among the collectors of a data directory, kept by a locked file.

    The kernel gives the lock back when the process dies, however it dies: whoever gets the same place next has
    the same name, knows that its predecessor is dead, and goes on with what that one held. The name also says which
    machine, since which start of it, and which data directory, so that a copy of the directory elsewhere is another.
    """

    def __init__(self, data_dir: Path) -> None:
        directory = data_dir / "collectors"
        directory.mkdir(exist_ok=True)
        self._file, place = _free_place(directory)
        self.name = f"{socket.gethostname()[:60]}/{place} ({_digest(self._file)})"

    def close(self) -> None:
        """Give the place back."""
        self._file.close()


def _free_place(directory: Path) -> tuple[IO[str], int]:
    for place in range(1, MOST_COLLECTORS + 1):
        file = (directory / f"{place}.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return file, place
    raise OSError(f"{MOST_COLLECTORS} collectors run already in {directory}")


def _digest(file: IO[str]) -> str:
    file.seek(0)
    mark = file.read().strip()
    if not mark:
        mark = uuid.uuid4().hex
        file.write(mark)
        file.flush()
        os.fsync(file.fileno())
    boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
    return blake2b(f"{mark} {boot}".encode(), digest_size=4).hexdigest()
