"""The sockets: what no well-behaved client sends, and the command that runs them all."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from miners.simulator.clock import RunningClock
from miners.simulator.fleet import fleet
from miners.simulator.server import CannotListen, listen
from tests.miners.simulator.harness import PATIENCE_S, Running, device_named, running

GARBAGE = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / FTP/1.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PATCH /api/system HTTP/1.1\r\nContent-Length: many\r\n\r\n",
    b"PATCH /api/system HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
]


@pytest.fixture
def gamma() -> Iterator[Running]:
    with running(device_named("gamma-1")) as (device,):
        yield device


@pytest.mark.parametrize("request_", GARBAGE)
def test_garbage_gets_a_bad_request(gamma: Running, request_: bytes) -> None:
    assert gamma.raw(request_).startswith(b"HTTP/1.1 400 ")
    assert gamma.info()["hashRate"] > 0


@pytest.mark.parametrize(
    "request_",
    [
        b"PATCH /api/system HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nCookie: " + b"x" * 100_000 + b"\r\n\r\n",
        b"x" * 100_000,
    ],
    ids=["body", "header", "no lines"],
)
def test_oversized_requests_are_refused(gamma: Running, request_: bytes) -> None:
    with suppress(ConnectionError):  # hung up on while still sending, which says it too
        assert gamma.raw(request_)[9:12] in (b"413", b"431")
    assert gamma.info()["hashRate"] > 0


def test_an_oversized_cgminer_request_is_refused() -> None:
    with running(device_named("nano3s-1")) as (nano,):
        with suppress(ConnectionError):
            assert b"Invalid JSON" in nano.raw(b'{"command": "' + b"x" * 100_000, hang_up=True)
        assert nano.call("summary")


def test_half_open_connections_hold_nobody_up() -> None:
    with (
        running(device_named("gamma-1"), device_named("avalonq-1")) as (gamma, avalon_q),
        ExitStack() as lines,
    ):
        for port in (gamma.port, avalon_q.port):
            for start in (b"", b"GET /api", b'{"comm'):
                line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
                line.sendall(start)
        assert gamma.info()["hashRate"] > 0
        assert avalon_q.call("summary")


def test_too_many_connections_are_reset_and_the_device_recovers(gamma: Running) -> None:
    with ExitStack() as lines:
        for _ in range(40):
            lines.enter_context(socket.create_connection(("127.0.0.1", gamma.port)))
        with pytest.raises(requests.ConnectionError):
            gamma.info()
    assert _eventually_answers(gamma)


def _eventually_answers(device: Running) -> bool:
    for _ in range(100):
        try:
            return bool(device.info())
        except requests.ConnectionError:
            time.sleep(0.05)
    return False


def test_a_request_in_pieces_is_put_together() -> None:
    with (
        running(device_named("nano3s-1")) as (nano,),
        socket.create_connection(("127.0.0.1", nano.port), timeout=PATIENCE_S) as line,
    ):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b'{"comm', b'and": "ver', b'sion"}'):
            line.sendall(piece)
        reply = b"".join(iter(lambda: line.recv(65536), b""))
    assert json.loads(reply[:-1])["VERSION"]


def test_listening_is_all_or_nothing() -> None:
    base_port = _free_ports(12)
    taken = base_port + 7
    with socket.create_server(("127.0.0.1", taken)), pytest.raises(CannotListen, match=f"port {taken}: "):
        listen("127.0.0.1", base_port, 12)
    for listener in listen("127.0.0.1", base_port, 12):
        listener.close()


def test_a_host_that_is_none() -> None:
    with pytest.raises(CannotListen, match=r"no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 18_000, 1)


def test_the_clock_runs_at_its_speed() -> None:
    fast, usual = RunningClock(1000.0), RunningClock()
    begun = fast.now()
    while usual.now() - begun < 0.02:
        pass
    assert fast.now() - begun >= 15


def _free_ports(count: int) -> int:
    """Return the first of `count` ports in a row that nobody has; those from 32,768 on the kernel gives away."""
    for base_port in range(20_000 + secrets.randbelow(10_000), 32_000, count):
        with ExitStack() as held:
            try:
                for port in range(base_port, base_port + count):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return base_port
    raise AssertionError("no free ports")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", "simulate_fleet", *arguments]


def _environment() -> dict[str, str]:
    """No database is reachable: the command needs none."""
    return {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "PYTHONIOENCODING": "utf-8"}


@contextmanager
def _fleet_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        _command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_writes_its_manifest_and_ends_at_once(
    number: signal.Signals, tmp_path: Path
) -> None:
    base_port = _free_ports(14)
    path = tmp_path / "fleet.json"
    with _fleet_process("--base-port", str(base_port), "--manifest", str(path)) as (process, line):
        assert line == f"simulated fleet: 14 devices on 127.0.0.1:{base_port}–{base_port + 13}\n"
        entries = json.loads(path.read_text())
        assert [entry["name"] for entry in entries] == [spec.name for spec in fleet()]
        assert entries[12] == {
            "name": "avalonq-2",
            "model": "Avalon Q",
            "driver": "avalon",
            "host": "127.0.0.1",
            "port": base_port + 12,
        }
        assert (
            requests.get(f"http://127.0.0.1:{base_port}/api/system/info", timeout=PATIENCE_S).json()["power"]
            > 10
        )
        with socket.create_connection(("127.0.0.1", base_port + 1)) as held:
            held.sendall(b"GET /")
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.process
def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    base_port = _free_ports(12)
    with socket.create_server(("127.0.0.1", base_port + 11)):
        ended = _run(
            "--base-port", str(base_port), "--count", "12", "--manifest", str(tmp_path / "fleet.json")
        )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"port {base_port + 11}" in ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--count", "11"], "at least 12"),
        (["--base-port", "0"], "--base-port 0"),
        (["--base-port", "65530"], "past 65535"),
        (["--speed", "0"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--manifest", "/nonexistent/fleet.json"], "/nonexistent/fleet.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments_are_one_clear_line(arguments: list[str], named: str) -> None:
    base_port = [] if "--base-port" in arguments else ["--base-port", str(_free_ports(14))]
    ended = _run(*base_port, *arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert named in ended.stderr


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments), capture_output=True, text=True, timeout=60, env=_environment()
    )


@pytest.mark.process
def test_help_has_an_example() -> None:
    ended = _run("--help")
    assert ended.returncode == 0
    assert "example:\n  manage.py simulate_fleet" in ended.stdout
