"""Where an export goes: a file that appears whole or not at all, or a stream."""

import gzip
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

STANDARD_OUTPUT = "-"
STDOUT_FD = 1
BLOCK_LENGTH = 1 << 16
GZIP_LEVEL = 6


class SupportsWrite(Protocol):
    """Takes bytes, all of them."""

    def write(self, data: bytes, /) -> int:
        """Write `data`."""


@contextmanager
def destination(target: str, *, compressed: bool) -> Iterator[SupportsWrite]:
    """Open what `target` names for writing bytes, through gzip where `compressed`.

    A file takes its name, in place of one that was there, when the block ends well and everything is on the
    disk; until then, and for ever when the block fails, nothing is changed under that name. "-" is standard
    output; a pipe or device is written to as it is. Raises OSError.
    """
    opened = _stream(target) if _is_stream(target) else _whole_file(Path(os.path.realpath(target)))
    with opened as out:
        if not compressed:
            yield out
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=out) as packed:
            yield packed


def write_all(pieces: Iterable[str], out: SupportsWrite) -> None:
    """Write text as UTF-8, small pieces together in large blocks."""
    waiting: list[str] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= BLOCK_LENGTH:
            out.write("".join(waiting).encode())
            waiting, length = [], 0
    out.write("".join(waiting).encode())


def _is_stream(target: str) -> bool:
    if target == STANDARD_OUTPUT:
        return True
    return os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode) and not os.path.isdir(target)


@contextmanager
def _stream(target: str) -> Iterator[BinaryIO]:
    # A duplicate of our own: the interpreter would flush its sys.stdout once more at exit, and complain.
    fd = os.dup(STDOUT_FD) if target == STANDARD_OUTPUT else os.open(target, os.O_WRONLY)
    with open(fd, "wb") as out:
        yield out


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    part = path.parent / f".hmm-export-{secrets.token_hex(8)}.part"
    try:
        with open(part, "xb") as out:
            _keep_mode(path, out)
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _keep_mode(path: Path, out: BinaryIO) -> None:
    with suppress(FileNotFoundError):
        os.fchmod(out.fileno(), stat.S_IMODE(path.stat().st_mode))


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
