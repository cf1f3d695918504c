"""Finds and ends processes: those of a session, and those that carry a supervisor's token.

Each service is the leader of a session of its own, so that its children and theirs can be found when it is
gone. Each also carries, in its environment, a token that is random for each run of the supervisor: no
process that merely was given a recycled id can carry it.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable

import psutil

TOKEN = "HMM_SUPERVISOR"
"""The environment variable with the token."""

SCAN_EVERY_S = 0.05


def session_members(sid: int) -> list[int]:
    """Return the ids of the living processes of session `sid`."""
    return [pid for pid in psutil.pids() if _session(pid) == sid and _lives(pid)]


def token_bearers(token: str) -> list[int]:
    """Return the ids of the living processes started with `token`.

    The embedded database is not among them, even where a service has started it: it outlives them.
    """
    return [pid for pid in psutil.pids() if pid != os.getpid() and _carries(pid, token)]


def kill_session(sid: int) -> None:
    """Kill what is left of session `sid`."""
    _kill_until_none(lambda: session_members(sid))


def end_token_bearers(token: str, grace_s: float) -> bool:
    """End the processes started with `token`, with `grace_s` to wind down; return whether there were any."""
    found = token_bearers(token)
    send(signal.SIGTERM, (pid for pid in found if _session(pid) == pid))
    deadline = time.monotonic() + grace_s
    while found and time.monotonic() < deadline and token_bearers(token):
        time.sleep(SCAN_EVERY_S)
    _kill_until_none(lambda: token_bearers(token))
    return bool(found)


def send(signum: int, pids: Iterable[int]) -> None:
    """Send a signal to those of `pids` that still exist."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def _kill_until_none(find: Callable[[], list[int]]) -> None:
    # Again and again: a process may have forked between being found and being killed.
    for _ in range(100):
        pids = find()
        if not pids:
            return
        send(signal.SIGKILL, pids)
        time.sleep(SCAN_EVERY_S)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _carries(pid: int, token: str) -> bool:
    try:
        process = psutil.Process(pid)
        return process.environ().get(TOKEN) == token and process.name() != "postgres"
    except (psutil.Error, OSError):  # gone, a zombie, or another user's
        return False
