"""Settings of the tests: the real ones, on a data directory that is thrown away."""

import os
import tempfile
from pathlib import Path

if "HMM_DATA_DIR" not in os.environ:
    os.environ["HMM_DATA_DIR"] = tempfile.mkdtemp(prefix="hmm-test-")
if (worker := os.environ.get("PYTEST_XDIST_WORKER", "")) not in ("", Path(os.environ["HMM_DATA_DIR"]).name):
    os.environ["HMM_DATA_DIR"] += f"/{worker}"  # the processes that its tests start have the same
os.environ.setdefault("HMM_SECRET_KEY", "only-for-tests-" + "x" * 50)

from hmm.settings import *  # noqa: F403
from hmm.settings import DATA_DIR

DATA_DIR.chmod(0o755)  # for the user that root's PostgreSQL runs as
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
OUTSIDE_BOOKS = "hmm.door.books.ProcessBooks"  # so that asking on loopback needs no database
