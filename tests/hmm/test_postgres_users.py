"""The embedded server as root, which PostgreSQL refuses to be, and as an ordinary user."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hmm.postgres import binaries, places
from hmm.postgres.accounts import Account, can_enter
from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
pytestmark = pytest.mark.process

ORDINARY_UID = 65534

# What an ordinary person's process does: start, ask, stop; or say in one line why not.
START_AND_STOP = """
import sys
from pathlib import Path
import psycopg
from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
try:
    where = server.ensure_running()
except ServerUnavailable as error:
    sys.exit(str(error))
with psycopg.connect(host=where.host, port=where.port, user=where.user, dbname=where.dbname) as connection:
    print(connection.execute("SELECT 6 * 7").fetchone()[0])
print(server.stop_if_last())
"""


@pytest.fixture
def closed_dir(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory below one that only root may enter, and somewhere else for the database."""
    monkeypatch.setattr(places, "ELSEWHERE", data_dir / "var" / "lib" / "hmm")
    parent = data_dir / "closed"
    parent.mkdir(mode=0o700)
    directory = parent / "var"
    directory.mkdir(mode=0o755)
    yield directory
    embedded.end_everything(directory)


@as_root
def test_root_runs_it_as_an_unprivileged_user(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.ensure_running()
    try:
        pid = embedded.postmaster_pid(server)
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        groups = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "Groups" in line]
        assert groups[0].split() == ["Groups:"]
    finally:
        embedded.end_everything(data_dir)


@as_root
def test_the_owner_of_the_data_directory_runs_it(data_dir: Path) -> None:
    owner = pwd.getpwnam("nobody")
    os.chown(data_dir, owner.pw_uid, owner.pw_gid)
    server = EmbeddedServer(data_dir)
    server.ensure_running()
    try:
        assert Path(f"/proc/{embedded.postmaster_pid(server)}").stat().st_uid == owner.pw_uid
        assert {path.stat().st_uid for path in data_dir.iterdir()} == {owner.pw_uid}
    finally:
        embedded.end_everything(data_dir)


@as_root
def test_an_unreachable_data_directory_keeps_its_database_elsewhere(
    closed_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = EmbeddedServer(closed_dir)
    server.ensure_running()
    elsewhere = (closed_dir / "postgres").readlink()

    assert elsewhere.parent == places.ELSEWHERE
    assert embedded.ask(server, "SELECT 1") == 1
    assert capsys.readouterr().err.count(str(elsewhere)) == 1
    assert stat.S_IMODE(closed_dir.parent.stat().st_mode) == 0o700

    server.stop()
    server.ensure_running()
    assert capsys.readouterr().err == ""
    assert (closed_dir / "postgres").readlink() == elsewhere


@as_root
def test_a_database_kept_elsewhere_that_is_gone_is_not_made_anew(closed_dir: Path) -> None:
    server = EmbeddedServer(closed_dir)
    server.ensure_running()
    server.stop()
    shutil.rmtree((closed_dir / "postgres").readlink())

    with pytest.raises(ServerUnavailable, match="which is gone"):
        server.ensure_running()
    assert (closed_dir / "postgres").is_symlink()


@as_root
def test_a_database_that_has_become_unreachable_is_not_made_anew(data_dir: Path) -> None:
    parent = data_dir / "later-closed"
    directory = parent / "var"
    directory.mkdir(parents=True)
    server = EmbeddedServer(directory)
    server.ensure_running()
    server.stop()
    parent.chmod(0o700)

    with pytest.raises(ServerUnavailable, match="cannot reach"):
        server.ensure_running()
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700
    assert not (directory / "postgres").is_symlink()


@as_root
def test_programs_that_the_user_cannot_read_are_copied(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = data_dir / "root"
    closed.mkdir(mode=0o700)
    package = binaries._package_directory()
    (closed / binaries.PACKAGE).symlink_to(package)
    (closed / f"{binaries.PACKAGE}.libs").symlink_to(package.with_name(f"{binaries.PACKAGE}.libs"))
    monkeypatch.setattr(binaries, "_package_directory", lambda: closed / binaries.PACKAGE)
    directory = data_dir / "var"
    directory.mkdir()
    server = EmbeddedServer(directory)
    try:
        server.ensure_running()
        command = Path(f"/proc/{embedded.postmaster_pid(server)}/cmdline").read_text()

        assert command.startswith(f"{directory}/postgres/programs-")
        assert embedded.ask(server, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        embedded.end_everything(directory)


@as_root
def test_a_short_socket_directory_that_somebody_else_made_is_refused(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "LONGEST_SOCKET_PATH", 10)
    monkeypatch.setattr(places, "SHORT_ROOT", data_dir)
    server = EmbeddedServer(data_dir)
    place = places.make_place(data_dir)
    place.socket_dir.mkdir()
    os.chown(place.socket_dir, 4242, 4242)

    with pytest.raises(ServerUnavailable, match="belongs to user 4242"):
        server.ensure_running()


@as_root
def test_a_short_socket_directory_that_is_a_link_is_refused(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "LONGEST_SOCKET_PATH", 10)
    monkeypatch.setattr(places, "SHORT_ROOT", data_dir)
    server = EmbeddedServer(data_dir)
    place = places.make_place(data_dir)
    trap = data_dir / "trap"
    trap.mkdir()
    place.socket_dir.symlink_to(trap)

    with pytest.raises(ServerUnavailable, match="is to be private"):
        server.ensure_running()
    assert trap.stat().st_uid == 0


@as_root
def test_whether_a_user_can_enter_is_tried(data_dir: Path) -> None:
    user = Account(ORDINARY_UID, ORDINARY_UID, switch=True)
    inner = data_dir / "inner"
    inner.mkdir()

    assert can_enter(user, inner)
    data_dir.chmod(0o700)
    assert not can_enter(user, inner)


def _python_for_everyone() -> str | None:
    """Return an interpreter of this version that an ordinary user can run."""
    user = Account(ORDINARY_UID, ORDINARY_UID, switch=True)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        if Path(candidate).exists() and can_enter(user, Path(candidate).resolve().parent):
            return candidate
    return None


def _as_ordinary_user(data_dir: Path) -> "subprocess.CompletedProcess[str]":
    python = _python_for_everyone()
    user = Account(ORDINARY_UID, ORDINARY_UID, switch=True)
    if python is None or not can_enter(user, embedded.ROOT):
        pytest.skip("an ordinary user can read neither this Python nor this checkout")
    packages = [str(embedded.ROOT), str(Path(pytest.__file__).parents[1])]
    return subprocess.run(
        [python, "-B", "-c", START_AND_STOP, str(data_dir)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(packages)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        **user.popen_arguments(),
    )


@as_root
def test_an_ordinary_user_runs_it_as_themself(data_dir: Path) -> None:
    os.chown(data_dir, ORDINARY_UID, ORDINARY_UID)
    data_dir.chmod(0o700)
    try:
        finished = _as_ordinary_user(data_dir)
    finally:
        embedded.end_everything(data_dir)

    assert finished.stdout.split() == ["42", "True"], finished.stderr
    assert (data_dir / "postgres" / "data").stat().st_uid == ORDINARY_UID


@as_root
def test_root_takes_up_the_database_of_an_ordinary_user(data_dir: Path) -> None:
    os.chown(data_dir, ORDINARY_UID, ORDINARY_UID)
    try:
        assert _as_ordinary_user(data_dir).returncode == 0
        server = EmbeddedServer(data_dir)
        server.ensure_running()
        assert Path(f"/proc/{embedded.postmaster_pid(server)}").stat().st_uid == ORDINARY_UID
        server.stop()
        assert _as_ordinary_user(data_dir).stdout.split() == ["42", "True"]
    finally:
        embedded.end_everything(data_dir)


@as_root
def test_a_directory_that_cannot_be_written_is_one_clear_line(data_dir: Path) -> None:
    finished = _as_ordinary_user(data_dir)

    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert str(data_dir) in finished.stderr
    assert "HMM_DATA_DIR" in finished.stderr


@as_root
def test_the_database_of_another_user_is_refused_by_name(data_dir: Path) -> None:
    os.chown(data_dir, 12, 12)
    data_dir.chmod(0o777)
    (data_dir / "postgres" / "data").mkdir(parents=True)
    os.chown(data_dir / "postgres" / "data", 12, 12)

    finished = _as_ordinary_user(data_dir)

    assert finished.returncode == 1
    assert "belongs to user 12" in finished.stderr
