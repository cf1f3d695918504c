"""Settings of the tests: the real ones, on a data directory that is thrown away."""

import os
import tempfile

if "HMM_DATA_DIR" not in os.environ:
    os.environ["HMM_DATA_DIR"] = tempfile.mkdtemp(prefix="hmm-test-")
    os.chmod(os.environ["HMM_DATA_DIR"], 0o755)  # for the user that root's PostgreSQL runs as
os.environ.setdefault("HMM_SECRET_KEY", "only-for-tests-" + "x" * 50)

from hmm.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
