"""The one directory in which HMM keeps everything: database, cache, keys, locks, logs."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def prepare_data_dir(path: str) -> Path:
    """Return the data directory, made where it is missing.

    It is made 0755 before anything below it is, since Django's file cache would make it 0700 and so lock out
    the unprivileged user that the embedded database runs as.
    Raises ImproperlyConfigured, naming the directory and the remedy, when it cannot be written.
    """
    directory = Path(path).expanduser().absolute()
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(_unusable(directory, error.strerror or str(error))) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(_unusable(directory, "it cannot be written"))
    return directory


def secret_key(data_dir: Path) -> str:
    """Return the installation's secret key, made at first use and kept with mode 0600."""
    path = data_dir / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return _create_secret_key(path)
    except OSError as error:
        raise ImproperlyConfigured(f"cannot read {path}: {error.strerror}") from error


def _create_secret_key(path: Path) -> str:
    # Written aside and linked into place: of two processes starting at once, both read the winner's key.
    aside = path.with_name(f".secret_key.{os.getpid()}")
    try:
        aside.write_text(secrets.token_urlsafe(50))
        aside.chmod(0o600)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    except OSError as error:
        raise ImproperlyConfigured(_unusable(path.parent, error.strerror or str(error))) from error
    return path.read_text().strip()


def _unusable(directory: Path, why: str) -> str:
    return f"cannot use the data directory {directory}: {why}. Set HMM_DATA_DIR to a directory you can write."
