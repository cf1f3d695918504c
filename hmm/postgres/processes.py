"""The server's processes: told from strangers, waited for, ended."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from hmm.postgres.places import Place

SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
FAST_STOP_S = 12.0
ORPHAN_STOP_S = 5.0


def postmaster(place: Place) -> psutil.Process | None:
    """Return the living process that postmaster.pid names, if it is the server of `place`.

    A process that merely has got the same number since then is not.
    """
    try:
        process = psutil.Process(int(place.pid_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return process if _is_postgres(process) and _is_of(process, place) else None


def was_started_by_hmm(process: psutil.Process, place: Place) -> bool:
    """Say whether HMM started this server, rather than a person by hand."""
    try:
        return f"cluster_name={place.name}" in process.cmdline()
    except psutil.Error:
        return False


def says_ready(place: Place) -> bool:
    """Say whether postmaster.pid claims that the server takes connections."""
    try:
        return "ready" in place.pid_file.read_text().splitlines()[7:8][0]
    except (OSError, IndexError):
        return False


def is_alive(pid: int) -> bool:
    """Say whether `pid` is a process that has not ended (a zombie has)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_postmaster(process: psutil.Process, place: Place, mode: str) -> None:
    """Stop the server: as `mode` says, then immediately, then by force. It recovers at its next start."""
    for number, patience_s in ((SIGNALS[mode], FAST_STOP_S), (signal.SIGQUIT, ORPHAN_STOP_S)):
        _signal([process], number)
        if _wait_gone([process], patience_s):
            return
    _signal([process], signal.SIGKILL)
    _wait_gone([process], ORPHAN_STOP_S)
    end_orphans(place)


def end_orphans(place: Place) -> None:
    """End what a killed server left running: it holds the shared memory and the files."""
    orphans = list(_processes_of(place))
    _signal(orphans, signal.SIGQUIT)
    if not _wait_gone(orphans, ORPHAN_STOP_S):
        _signal(orphans, signal.SIGKILL)
        _wait_gone(orphans, ORPHAN_STOP_S)


def end_makers(aside: Path) -> None:
    """End what a killed process left at work on a new database in `aside`."""
    makers = [process for process in psutil.process_iter() if _works_in(process, aside)]
    _signal(makers, signal.SIGKILL)
    _wait_gone(makers, ORPHAN_STOP_S)


def _works_in(process: psutil.Process, aside: Path) -> bool:
    try:
        if process.name() not in ("initdb", "postgres"):
            return False
        return str(aside) in process.cmdline() or process.cwd() == os.path.realpath(aside)
    except (psutil.Error, OSError):
        return False


def _processes_of(place: Place) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if _is_postgres(process) and _is_of(process, place):
            yield process


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_of(process: psutil.Process, place: Place) -> bool:
    # Where it stands says it for sure, but only its own user, or a root that may trace, can read that.
    try:
        return process.cwd() == os.path.realpath(place.data)
    except psutil.AccessDenied:
        return _says_it_is_of(process, place)
    except (psutil.Error, OSError):
        return False


def _says_it_is_of(process: psutil.Process, place: Place) -> bool:
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    is_child = command[:1] and command[0].startswith(f"postgres: {place.name}: ")
    return bool(is_child) or any(
        before == "-D" and os.path.realpath(after) == os.path.realpath(place.data)
        for before, after in itertools.pairwise(command)
    )


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _wait_gone(processes: list[psutil.Process], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while any(process.is_running() and is_alive(process.pid) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
