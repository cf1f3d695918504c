"""Which workers of the task queue are in the middle of a task: a file for each while it is.

django-q2 tells nobody outside which of its workers are at work. The directory's time of change also tells
that one of them has taken or finished a task.
"""

import logging
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from hmm.supervisor.processes import session_members

logger = logging.getLogger(__name__)


def busy_dir() -> Path:
    """Return the directory of the marks, made where it is missing."""
    directory: Path = settings.DATA_DIR / "busy"
    directory.mkdir(exist_ok=True)
    return directory


def mark_busy(**kwargs: Any) -> None:
    """This worker takes a task."""
    try:
        (busy_dir() / str(os.getpid())).write_text(str(kwargs["task"]["func"]))
    except OSError:  # a full disk must not end the worker, which is outside its own error handling here
        logger.exception("cannot mark this worker as busy")


def mark_idle(**kwargs: Any) -> None:
    """This worker has finished its task."""
    try:
        (busy_dir() / str(os.getpid())).unlink(missing_ok=True)
    except OSError:
        logger.exception("cannot mark this worker as idle")


def busy_workers(cluster_pid: int) -> int:
    """Return how many living workers of the cluster led by `cluster_pid` are in the middle of a task."""
    marked = {int(path.name) for path in busy_dir().iterdir() if path.name.isdecimal()}
    return len(marked.intersection(session_members(cluster_pid))) if marked else 0


def progress() -> int:
    """Return a number that changes whenever a worker takes or finishes a task."""
    return busy_dir().stat().st_mtime_ns


def forget_marks() -> None:
    """Remove the marks of workers that are gone."""
    for path in busy_dir().iterdir():
        path.unlink(missing_ok=True)
