"""The embedded server after a crash: what was left behind is found out, ended or taken up."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hmm.postgres import places, processes, startup
from hmm.postgres.accounts import run_as
from hmm.postgres.server import EmbeddedServer
from tests.hmm import embedded

pytestmark = pytest.mark.process


def test_outlives_the_killed_process_that_started_it(server: EmbeddedServer) -> None:
    starter = embedded.hold(server.data_dir)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()

    server.ensure_running()

    assert embedded.postmaster_pid(server) == pid


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
