"""Where the database lives: normally `postgres` in the data directory."""

import hashlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hmm.postgres.accounts import Account, can_enter, choose_account
from hmm.postgres.errors import ServerUnavailable, reason

PORT = 5432  # names the socket file; nothing listens on the network
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 100  # bytes; the system's own limit is 104 to 108
ELSEWHERE = Path("/var/lib/hmm")
SHORT_ROOT = Path("/tmp")  # not XDG_RUNTIME_DIR, which goes when the person logs out


@dataclass(frozen=True)
class Place:
    """The directory of one embedded server, and the user it runs as."""

    base: Path
    account: Account

    @property
    def data(self) -> Path:
        """The server's own directory (PGDATA), present only when complete."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.base / "server.log"

    @property
    def pid_file(self) -> Path:
        """The server's own note of its process."""
        return self.data / "postmaster.pid"

    @property
    def name(self) -> str:
        """What the server's processes are called in the process list, distinct for each directory."""
        return f"hmm-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]}"

    @property
    def socket_dir(self) -> Path:
        """The private directory of the socket; a short one where the usual path is too long for a socket.

        A comma would make two addresses of one, a double quote does not survive the server's own list syntax.
        """
        usual = self.base / "run"
        too_long = len(os.fsencode(usual / SOCKET_NAME)) > LONGEST_SOCKET_PATH
        if too_long or set(str(usual)) & set(',"'):
            return SHORT_ROOT / f"{self.name}-{self.account.uid}"
        return usual

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.socket_dir / SOCKET_NAME


def find_place(data_dir: Path) -> Place | None:
    """Return where the database of `data_dir` is, None when there is none yet.

    Raises ServerUnavailable when it was kept elsewhere and is gone, or belongs to another user.
    """
    link = data_dir / "postgres"
    if not link.exists():
        if link.is_symlink():
            raise ServerUnavailable(
                f"the database was kept in {link.readlink()}, which is gone. Restore that directory, or delete "
                f"the link {link} to begin with an empty database."
            )
        return None
    if not link.is_dir():
        raise ServerUnavailable(
            f"{link} is to be the directory of the database, and is a file. Move it away."
        )
    base = link.resolve()
    place = Place(base, choose_account(base / "data", data_dir))
    _refuse_other_owner(place)
    return place


def make_place(data_dir: Path) -> Place:
    """Return where the database of `data_dir` is to be, making its directory.

    Where the server's user cannot reach the data directory, it is made below /var/lib/hmm with a link to it,
    and a line on stderr says so: no one's directory is opened for it.
    Raises ServerUnavailable when neither can be made.
    """
    account = choose_account(data_dir)
    try:
        if account.switch and not can_enter(account, data_dir):
            return Place(_make_elsewhere(data_dir, account), account)
        base = data_dir / "postgres"
        base.mkdir(mode=0o755)
        base.chmod(0o755)  # whatever the umask
        _give_to_owner_of(data_dir, base)
        return Place(base.resolve(), account)
    except OSError as error:
        raise ServerUnavailable(
            f"cannot make a directory for the database: {reason(error)}. "
            f"Set HMM_DATA_DIR to a directory you can write, or DATABASE_URL."
        ) from error


def require_reachable(place: Place) -> None:
    """Raise ServerUnavailable when the server's user cannot reach its directory."""
    if place.account.switch and not can_enter(place.account, place.base):
        raise ServerUnavailable(
            f"user {place.account.uid}, who owns the database in {place.base}, cannot reach that directory. "
            f"Let that user enter the directories above it, or move the data directory elsewhere."
        )


def prepare_socket_dir(place: Place) -> None:
    """Make the socket's directory, private to the server's user.

    Raises ServerUnavailable when somebody else has made it beforehand.
    """
    directory = place.socket_dir
    make_private(directory, place.account)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.account.uid:
        raise ServerUnavailable(
            f"{directory} is to be private to user {place.account.uid}, and belongs to user {found.st_uid}. "
            f"Remove it, or set HMM_DATA_DIR to a shorter path."
        )
    directory.chmod(0o700)


def make_private(directory: Path, account: Account) -> None:
    """Make `directory` with mode 0700 for `account`; one that is there keeps its owner unless it is ours."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if directory.lstat().st_uid != os.geteuid():
            return
    account.give(directory)


def _make_elsewhere(data_dir: Path, account: Account) -> Path:
    ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    base = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=ELSEWHERE))
    base.chmod(0o755)
    (data_dir / "postgres").symlink_to(base)
    print(  # noqa: T201
        f"the database is kept in {base}, since user {account.uid}, whom the server runs as, cannot reach {data_dir}",
        file=sys.stderr,
    )
    return base


def _give_to_owner_of(data_dir: Path, path: Path) -> None:
    owner = data_dir.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _refuse_other_owner(place: Place) -> None:
    if place.account.switch or not place.data.exists():
        return
    if (owner := place.data.stat().st_uid) != place.account.uid:
        raise ServerUnavailable(
            f"the database in {place.base} belongs to user {owner}. Run HMM as that user or as root, "
            f"or set HMM_DATA_DIR to a directory of your own."
        )
