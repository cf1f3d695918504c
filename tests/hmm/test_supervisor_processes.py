"""The supervisor on small real programs: what dies, what will not die, and what is left behind."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hmm.supervisor.instance import end_leftovers
from hmm.supervisor.loop import STATUS_FILE, Supervisor
from hmm.supervisor.processes import session_members, token_bearers
from hmm.supervisor.service import Service
from tests.waiting import wait_for

pytestmark = pytest.mark.process

FOR_EVER = "exec sleep 1000"
DEAF = "trap '' TERM; while :; do sleep 0.1; done"
WITH_CHILDREN = "sleep 1000 & sleep 1000 & wait"


def shell(name: str, script: str, **options: Any) -> dict[str, Any]:
    """Return a service, as JSON takes it, that is a shell script."""
    return {"name": name, "argv": ["/bin/sh", "-c", script], **options}


class Running:
    """A supervisor in a process of its own."""

    def __init__(self, data_dir: Path, grace_s: float, *services: dict[str, Any]) -> None:
        self.data_dir = data_dir
        argv = [
            sys.executable,
            "-m",
            "tests.hmm.supervise",
            str(data_dir),
            str(grace_s),
            json.dumps(services),
        ]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.token = wait_for(self.status, "the status file")["token"]

    def status(self) -> dict[str, Any]:
        """Return what the status file says, empty before there is one."""
        try:
            return json.loads((self.data_dir / STATUS_FILE).read_text())
        except FileNotFoundError:
            return {}

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the services of the status file by name."""
        return {service["service"]: service for service in self.status()["services"]}

    def wait_for_processes(self, count: int) -> None:
        """Wait until so many processes carry the token; the guardian is none of them."""
        wait_for(lambda: len(token_bearers(self.token)) >= count, f"{count} processes")

    def stop(self, signum: int = signal.SIGTERM) -> str:
        """Send a signal; return what it has said when it has ended."""
        self.process.send_signal(signum)
        return self.process.communicate(timeout=60)[0]


@pytest.fixture
def supervise(data_dir: Path) -> Iterator[Any]:
    """Start supervisors; whatever a test leaves of them is ended."""
    started: list[Running] = []

    def start(*services: dict[str, Any], grace_s: float = 2) -> Running:
        started.append(Running(data_dir, grace_s, *services))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.communicate()
    end_leftovers(data_dir, grace_s=0)


def lines(path: Path) -> list[str]:
    """Return the lines of a file, none before there is one."""
    return path.read_text().splitlines() if path.exists() else []


def test_what_dies_is_started_again_and_said_in_a_line(supervise, data_dir):
    log = data_dir / "log"
    running = supervise(shell("flaky", f"echo x >> {log}; exit 3"))
    wait_for(lambda: len(lines(log)) >= 4, "four starts")
    assert running.services()["flaky"]["restarts"] >= 2
    said = running.stop()
    assert "flaky has ended (exit status 3)" in said
    assert "flaky keeps dying (exit status 3; 3 times in a row)" in said


def test_one_that_dies_leaves_the_others_alone(supervise, data_dir):
    running = supervise(shell("flaky", "exit 1"), shell("steady", FOR_EVER))
    wait_for(lambda: running.services()["flaky"]["restarts"] >= 2, "restarts")
    assert running.services()["steady"]["restarts"] == 0


def test_output_is_relayed_with_the_name_before_it(supervise, data_dir):
    done = data_dir / "done"
    script = f"echo one; echo two >&2; printf '\\377'; touch {done}; {FOR_EVER}"
    running = supervise(shell("talker", script))
    wait_for(done.exists, "all that it has to say")
    said = running.stop()
    assert "talker    | one" in said
    assert "talker    | two" in said


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_everything(supervise, signum):
    running = supervise(shell("one", FOR_EVER), shell("family", WITH_CHILDREN))
    running.wait_for_processes(4)
    running.stop(signum)
    assert running.process.returncode == 0
    assert token_bearers(running.token) == []
    assert running.status() == {}


def test_what_ignores_sigterm_is_killed_after_the_grace(supervise):
    running = supervise(shell("deaf", DEAF), grace_s=0.3)
    running.wait_for_processes(2)
    running.stop()
    assert token_bearers(running.token) == []


def test_children_of_a_service_that_died_are_ended(supervise, data_dir):
    pids = data_dir / "pids"
    supervise(shell("parent", f"sleep 1000 & echo $! >> {pids}; exit 1"))
    wait_for(lambda: len(lines(pids)) >= 3, "three starts")
    first = int(lines(pids)[0])
    wait_for(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == "zombie", "its end")


def test_killed_supervisor_leaves_nothing_for_long(supervise):
    running = supervise(shell("family", WITH_CHILDREN), shell("deaf", DEAF), grace_s=0.3)
    running.wait_for_processes(5)
    running.process.kill()
    wait_for(lambda: not token_bearers(running.token), "the end of its services", patience_s=60)


def test_killed_with_its_guardian_the_next_start_clears_up(supervise, data_dir):
    running = supervise(shell("family", WITH_CHILDREN))
    running.wait_for_processes(3)
    running.process.send_signal(signal.SIGSTOP)  # else it may replace its guardian before it is killed itself
    for guardian in psutil.Process(running.process.pid).children():
        if "hmm.supervisor.guardian" in guardian.cmdline():
            guardian.kill()
    running.process.kill()
    running.process.wait()
    assert len(token_bearers(running.token)) == 3
    assert end_leftovers(data_dir, grace_s=2)
    assert token_bearers(running.token) == []
    assert not end_leftovers(data_dir, grace_s=2)


def test_recycled_process_id_is_not_killed(data_dir):
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    left = {
        "pid": 1,
        "token": "a token of another run",
        "services": [{"service": "web", "pid": stranger.pid}],
    }
    (data_dir / STATUS_FILE).write_text(json.dumps(left))
    try:
        assert not end_leftovers(data_dir)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_status_file_cut_short_by_a_crash_is_no_obstacle(data_dir, text):
    (data_dir / STATUS_FILE).write_text(text)
    assert not end_leftovers(data_dir)


def test_one_shot_is_done_once_it_has_succeeded(supervise, data_dir):
    log = data_dir / "log"
    script = f"echo x >> {log}; test $(wc -l < {log}) -ge 3"
    running = supervise(shell("setup", script, once=True))
    wait_for(lambda: running.services()["setup"]["state"] == "done", "its success")
    assert len(lines(log)) == 3


def test_service_waits_for_the_file_it_needs(data_dir):
    needed, log, other, leave = (data_dir / name for name in ("needed", "log", "other", "leave"))
    late = Service("late", ("/bin/sh", "-c", f"echo x >> {log}"), once=True, needs=needed)
    script = f"echo x >> {other}; until test -e {leave}; do sleep 0.05; done; exec touch {needed}"
    prompt = Service("prompt", ("/bin/sh", "-c", script), once=True)
    with running_here(data_dir, late, prompt) as supervisor:
        wait_for(other.exists, "the start of the other")
        assert not log.exists()
        leave.touch()
        wait_for(log.exists, "its start")
    assert token_bearers(supervisor.token) == []


def test_a_disk_that_takes_nothing_ends_no_service(data_dir, capsys):
    log, leave = data_dir / "log", data_dir / "leave"
    script = f"echo x >> {log}; until test -e {leave}; do sleep 0.05; done"
    lasting = Service("lasting", ("/bin/sh", "-c", f"echo y >> {log}; exec sleep 1000"))
    short = Service("short", ("/bin/sh", "-c", script), once=True)
    with running_here(data_dir, lasting, short) as supervisor:
        wait_for(lambda: log.exists() and len(lines(log)) == 2, "both starts")
        (data_dir / "supervisor.new").mkdir()  # in the place of the file that is written aside
        leave.touch()
        wait_for(lambda: "the services go on" in capsys.readouterr().out, "what is said of it")
        assert len(token_bearers(supervisor.token)) == 1
        (data_dir / "supervisor.new").rmdir()
        wait_for(lambda: '"done"' in (data_dir / STATUS_FILE).read_text(), "what is written later")


class Impatient:
    """Calls the first run of a service stalled."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def started(self, pid: int) -> None:
        self.pids.append(pid)

    def stalled(self, elapsed_s: float) -> str | None:
        return "it does nothing" if len(self.pids) == 1 else None


def test_stalled_service_is_restarted_as_a_whole(data_dir):
    watchdog = Impatient()
    service = Service("lazy", ("/bin/sh", "-c", f"{WITH_CHILDREN} & {DEAF}"), watchdog=watchdog)
    with running_here(data_dir, service):
        wait_for(lambda: len(watchdog.pids) == 2, "the restart")
        assert session_members(watchdog.pids[0]) == []


class running_here:
    """A supervisor in a thread of the test."""

    def __init__(self, data_dir: Path, *services: Service) -> None:
        self.stop = threading.Event()
        self.supervisor = Supervisor(services, data_dir, grace_s=0.3)
        self.thread = threading.Thread(target=self.supervisor.run, args=(self.stop,))

    def __enter__(self) -> Supervisor:
        self.thread.start()
        return self.supervisor

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.thread.join()
