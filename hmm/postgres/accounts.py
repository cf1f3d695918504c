"""Which user the server runs as: this one, or an unprivileged one where this one is root."""

import errno
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hmm.postgres.errors import ServerUnavailable

PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user of this machine that the server runs as; `switch` when that is not this process's user."""

    uid: int
    gid: int
    switch: bool

    def popen_arguments(self) -> dict[str, Any]:
        """Return what makes subprocess start a program as this user."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make `path`, which this process has just made, this user's."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(*owned: Path) -> Account:
    """Return the user to run the server as.

    PostgreSQL refuses to run as root. Then it is the owner of the first of `owned` that exists and is not
    root's, so that an existing database keeps its user, else `postgres`, else `nobody`.
    Raises ServerUnavailable when there is no such user.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    for path in owned:
        if path.exists() and (owner := path.stat()).st_uid != 0:
            return Account(owner.st_uid, _group_of(owner.st_uid, owner.st_gid), switch=True)
    for name in PREFERRED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user.pw_uid, user.pw_gid, switch=True)
    raise ServerUnavailable(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as. "
        "Add one, run HMM as an ordinary user, or set DATABASE_URL."
    )


def run_as(
    account: Account, command: Sequence[str | Path], **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end as `account`, out of reach of the terminal's Ctrl-C.

    Raises ServerUnavailable when this process may not change its user, and OSError when the program cannot be run.
    """
    options = {"stdin": subprocess.DEVNULL} | options if "input" not in options else options
    try:
        return subprocess.run(
            command,
            text=True,
            errors="replace",
            env=server_environment(),
            start_new_session=True,
            check=False,
            **account.popen_arguments(),
            **options,
        )
    except OSError as error:
        if account.switch and error.errno in (errno.EPERM, errno.EINVAL):
            raise ServerUnavailable(
                f"PostgreSQL refuses to run as root, and this process may not become user {account.uid} "
                f"({error.strerror}). Run HMM as an ordinary user, or set DATABASE_URL."
            ) from error
        raise


def can_enter(account: Account, directory: Path) -> bool:
    """Say whether `account` can reach `directory`, by letting it try: modes alone do not tell."""
    attempt = run_as(account, ["/bin/sh", "-c", 'cd -- "$1"', "sh", directory], capture_output=True, cwd="/")
    return attempt.returncode == 0


def server_environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs: the person's own PG* settings are for other servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _group_of(uid: int, otherwise: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return otherwise
