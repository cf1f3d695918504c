"""Static files, collected when a source is newer than what was collected."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from hmm.lib.commands import fail


def ensure_collected() -> None:
    """Collect the static files unless that has been done. Fails with one line when it cannot be done."""
    root = Path(settings.STATIC_ROOT)
    sources = dict(static_sources())
    if is_collected(root, sources):
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another installation may run from the same checkout
            if not is_collected(root, sources):
                _collect()
    except OSError as error:
        fail(f"cannot write the static files to {root}: {error.strerror}")


def static_sources() -> Iterator[tuple[str, float]]:
    """Yield the name and the time of change of each static file of each app."""
    for finder in get_finders():
        for name, storage in finder.list(["CVS", ".*", "*~"]):
            yield name, Path(storage.path(name)).stat().st_mtime


def is_collected(root: Path, sources: dict[str, float]) -> bool:
    """Say whether the manifest in `root` names every source and is newer than each."""
    manifest = root / "staticfiles.json"
    try:
        names = set(json.loads(manifest.read_text())["paths"])
        return names >= sources.keys() and manifest.stat().st_mtime >= max(sources.values(), default=0)
    except (FileNotFoundError, ValueError, KeyError):
        return False


def _collect() -> None:
    argv = [sys.executable, str(settings.BASE_DIR / "manage.py"), "collectstatic", "--no-input", "-v", "0"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        fail(f"cannot collect the static files: {last}")
