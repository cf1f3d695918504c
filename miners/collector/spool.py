"""Outcomes on disk while the database is away: appended, read back in order, forgotten once they are stored.

A spool is a directory of segments, `NUMBER.spool` with a number that grows, of lines with a checksum each. What
has been appended has reached the disk. Each start goes on in a new segment, so that a line torn by a crash is the
last of its segment; it is left out, and so is any line that was damaged otherwise, which is reported.
A segment is deleted when all in it is stored: after a crash before that, its lines are read again.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path

from miners.collector.lines import Damaged, read_line, write_line
from miners.collector.poll import Outcome

SEGMENT_BYTES = 4 * 1024 * 1024
SUFFIX = ".spool"


class SpoolFull(Exception):
    """What is to be appended does not fit; the message says why."""


@dataclass(frozen=True, slots=True)
class DamagedLine:
    """A line that cannot be read, and why."""

    text: bytes
    reason: str


@dataclass
class Spooled:
    """The next lines of a spool. `lines` and `size` count all of them, the damaged ones too."""

    outcomes: list[Outcome] = field(default_factory=list)
    damaged: list[DamagedLine] = field(default_factory=list)
    lines: int = 0
    size: int = 0
    segments: int = 0
    """How many segments end within it."""


@dataclass
class _Segment:
    path: Path
    size: int
    lines: int
    oldest: datetime | None


class Spool:
    """The spool in `directory`, which this process alone uses. Not for several threads at once."""

    def __init__(self, directory: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._segments = deque(_open_segment(path) for path in sorted(directory.glob(f"*{SUFFIX}")))
        self._read_to = 0
        self._read_lines = 0
        self._file: FileIO | None = None

    def __bool__(self) -> bool:
        """Return whether there is something to read."""
        return bool(self._segments)

    @property
    def size(self) -> int:
        """How many bytes it takes on disk."""
        return sum(segment.size for segment in self._segments)

    @property
    def readings(self) -> int:
        """How many outcomes it holds that are not stored yet."""
        return sum(segment.lines for segment in self._segments) - self._read_lines

    @property
    def oldest(self) -> datetime | None:
        """When the oldest of them was, about: to a segment."""
        return next((segment.oldest for segment in self._segments if segment.oldest), None)

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Add `outcomes`; on return they are on the disk.

        Raises SpoolFull, with nothing added, where there is no room, by `max_bytes` or by the disk.
        """
        if not outcomes:
            return
        text = b"".join(map(write_line, outcomes))
        if self.size + len(text) > self.max_bytes:
            raise SpoolFull(f"it may take {self.max_bytes:,} bytes and has {self.size:,}")
        try:
            self._write(text)
        except OSError as error:
            self._take_back()
            raise SpoolFull(error.strerror or str(error)) from error
        segment = self._segments[-1]
        segment.size += len(text)
        segment.lines += len(outcomes)
        segment.oldest = segment.oldest or outcomes[0].at

    def read(self, most: int) -> Spooled:
        """Return the next lines, at most `most`; `forget` them when they are stored."""
        self._seal()
        found = Spooled()
        skip = self._read_to
        for segment in self._segments:
            for line in _lines(segment.path, skip):
                _add(found, line)
                if found.lines >= most:
                    return found
            found.segments += 1
            skip = 0
        return found

    def forget(self, found: Spooled) -> None:
        """Let go of what `read` has returned."""
        self._read_to += found.size
        self._read_lines += found.lines
        for _ in range(found.segments):
            gone = self._segments.popleft()
            self._read_to -= gone.size
            self._read_lines -= gone.lines
            gone.path.unlink(missing_ok=True)
        if not self._segments:
            self._read_to = self._read_lines = 0

    def close(self) -> None:
        """Close the file that is being written."""
        self._seal()

    def _write(self, text: bytes) -> None:
        if self._file is None or self._segments[-1].size >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None
        left = memoryview(text)
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())

    def _begin_segment(self) -> None:
        self._seal()
        last = int(self._segments[-1].path.stem) if self._segments else 0
        path = self.directory / f"{max(time.time_ns(), last + 1):020d}{SUFFIX}"
        self._file = path.open("xb", buffering=0)
        self._segments.append(_Segment(path, 0, 0, None))
        _sync_directory(self.directory)

    def _take_back(self) -> None:
        """Cut off what was half written. Where that fails too, the rest of it is the last line of its segment."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._segments[-1].size)
            self._seal()
            self._segments[-1].size = self._segments[-1].path.stat().st_size

    def _seal(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _add(found: Spooled, line: bytes) -> None:
    found.size += len(line)
    if not line.endswith(b"\n"):
        return  # torn by a crash while it was written
    found.lines += 1
    try:
        found.outcomes.append(read_line(line))
    except Damaged as error:
        found.damaged.append(DamagedLine(line.rstrip(b"\n"), str(error)))


def _lines(path: Path, skip: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(skip)
        yield from file


def _open_segment(path: Path) -> _Segment:
    lines, oldest = 0, None
    for line in _lines(path, 0):
        lines += line.endswith(b"\n")
        oldest = oldest or _time_of(line)
    return _Segment(path, path.stat().st_size, lines, oldest)


def _time_of(line: bytes) -> datetime | None:
    try:
        return read_line(line).at
    except Damaged:
        return None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
