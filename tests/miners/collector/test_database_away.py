"""A real collector beside a real PostgreSQL that is stopped, started and frozen, and `kill -9` at its worst moment."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hmm.postgres.server import EmbeddedServer
from hmm.spool_state import SpoolState, read_states
from miners.collector.lines import read_line
from miners.collector.poll import Outcome
from tests.hmm.embedded import ROOT, ask, connect, end_everything, manage, postmaster_pid, shell
from tests.miners.collector.conftest import Device
from tests.waiting import wait_for

pytestmark = pytest.mark.process

COLLECT = """
import sys
from django.conf import settings
settings.DATABASES["default"].update(ENGINE="django.db.backends.postgresql", HOST=sys.argv[1], PORT=sys.argv[2])
import django
django.setup()
from miners.drivers.base import drivers
from tests.miners.collector.conftest import LineDriver
drivers.register("line", LineDriver())
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "collect"])
"""
"""A collector that cannot start the embedded server itself: it is somebody else's."""

MINER = """
from miners.models import Miner, Site
site = Site.objects.get(pk=1)
site.poll_interval_s = 5
site.save()
from miners.membership import place_miner
place_miner(Miner(name="bench", site=site, host="127.0.0.1", port={port}, driver="line"))
"""


class House:
    """A database, and a collector that may be killed."""

    def __init__(self, data_dir: Path, device: Device) -> None:
        """`data_dir` has a migrated database."""
        self.data_dir = data_dir
        self.server = EmbeddedServer(data_dir)
        self.device = device
        self._collector: subprocess.Popen[bytes] | None = None
        self.where = self.server.ensure_running()
        made = shell(data_dir, textwrap.dedent(MINER.format(port=device.port)))
        assert made.returncode == 0, made.stderr

    def start_collector(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        env = kept | {"HMM_DATA_DIR": str(self.data_dir), "DJANGO_SETTINGS_MODULE": "hmm.settings"}
        self._collector = subprocess.Popen(
            [sys.executable, "-c", COLLECT, self.where.host, str(self.where.port)],
            cwd=ROOT,
            env=env | {"HMM_COLLECTOR_FLUSH_S": "1"},
        )

    def end_collector(self, number: int) -> int:
        assert self._collector
        self._collector.send_signal(number)
        return self._collector.wait(30)

    def close(self) -> None:
        if self._collector:
            self._collector.kill()
            self._collector.wait(30)
        end_everything(self.data_dir)

    def rows(self) -> list[str]:
        return self._all("SELECT extract(epoch FROM timestamp)::bigint FROM telemetry ORDER BY 1")

    def states(self) -> list[tuple[Any, ...]]:
        with connect(self.server) as connection:
            return connection.execute("SELECT state, at FROM miners_statechange ORDER BY at").fetchall()

    def spool(self) -> SpoolState | None:
        return next(iter(read_states(self.data_dir)), None)

    def spooled(self) -> list[Outcome]:
        """Return what is on the disk, of which a last line may be half written at this moment."""
        segments = sorted((self.data_dir / "spool").glob("*/*.spool"))
        lines = b"".join(segment.read_bytes() for segment in segments).splitlines(keepends=True)
        return [read_line(line) for line in lines if line.endswith(b"\n")]

    def _all(self, query: str) -> list[Any]:
        with connect(self.server) as connection:
            return [value for (value,) in connection.execute(query).fetchall()]


@pytest.fixture(scope="module")
def migrated() -> Iterator[Path]:
    """A data directory with a migrated database, to be copied while no server runs on it."""
    directory = Path(tempfile.mkdtemp(prefix="hmm-"))
    directory.chmod(0o755)
    assert manage(directory, "migrate").returncode == 0
    yield directory
    end_everything(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def house(data_dir: Path, migrated: Path, device: Callable[..., Device]) -> Iterator[House]:
    subprocess.run(["cp", "-a", f"{migrated}/.", data_dir], check=True)  # with the owner of each file
    house = House(data_dir, device(accepted=1))
    yield house
    house.close()


def seconds(outcomes: list[Outcome]) -> list[int]:
    return [int(outcome.at.timestamp()) for outcome in outcomes if outcome.is_reading]


def is_spooling(house: House, readings: int) -> bool:
    state = house.spool()
    return state is not None and state.readings >= readings and bool(state.reason)


def is_well(house: House) -> bool:
    state = house.spool()
    return state is not None and state.since is None and state.readings == 0


def test_a_stopped_database_and_a_killed_collector_lose_nothing_that_was_spooled(house: House) -> None:
    house.start_collector()
    wait_for(house.rows, "a first row")
    house.server.stop()
    wait_for(lambda: is_spooling(house, 2), "two readings on the disk")
    house.end_collector(signal.SIGKILL)
    on_disk = house.spooled()
    assert len(on_disk) >= 2
    house.start_collector()
    wait_for(lambda: is_spooling(house, len(on_disk)), "the next collector to take it up")
    house.server.ensure_running()
    wait_for(lambda: is_well(house), "the replay")
    rows = house.rows()
    assert set(seconds(on_disk)) <= set(rows)
    assert len(rows) == len(set(rows))
    assert house.spooled() == []
    assert ask(house.server, "SELECT count(*) FROM miners_setaside") == 0
    assert [state for state, _ in house.states()] == ["online"]
    before = len(rows)
    wait_for(lambda: len(house.rows()) > before, "polling to go on")
    assert house.end_collector(signal.SIGTERM) == 0


def test_states_come_out_right_of_a_time_in_which_the_database_was_away(house: House) -> None:
    house.start_collector()
    wait_for(house.rows, "a first row")
    house.server.stop("immediate")
    wait_for(lambda: is_spooling(house, 1), "a reading on the disk")
    house.device.close()
    wait_for(lambda: any(not outcome.is_reading for outcome in house.spooled()), "a failure on the disk")
    failed_at = next(outcome.at for outcome in house.spooled() if not outcome.is_reading)
    house.server.ensure_running()
    wait_for(lambda: is_well(house), "the replay")
    assert [state for state, _ in house.states()] == ["online", "unreachable"]
    assert house.states()[1][1] == failed_at
    assert ask(house.server, "SELECT state_since FROM miners_miner") == failed_at


def test_a_database_that_is_frozen_does_not_stop_the_polling(house: House) -> None:
    house.start_collector()
    wait_for(house.rows, "a first row")
    frozen = frozen_processes(house)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: is_spooling(house, 3), "three readings on the disk")
        on_disk = house.spooled()
    finally:
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):  # had ended, and the thawed postmaster took note
                os.kill(pid, signal.SIGCONT)
    wait_for(lambda: is_well(house), "the replay")
    assert set(seconds(on_disk)) <= set(house.rows())
    assert ask(house.server, "SELECT count(*) FROM miners_setaside") == 0


def frozen_processes(house: House) -> list[int]:
    """Return the database's processes: a postmaster that is stopped still lets its children serve."""
    postmaster = psutil.Process(postmaster_pid(house.server))
    return [postmaster.pid, *(child.pid for child in postmaster.children())]


def test_a_stop_while_the_database_is_away_keeps_what_was_read(house: House) -> None:
    house.start_collector()
    wait_for(house.rows, "a first row")
    house.server.stop()
    wait_for(lambda: is_spooling(house, 1), "a reading on the disk")
    assert house.end_collector(signal.SIGTERM) == 0
    (state,) = [json.loads(path.read_text()) for path in house.data_dir.glob("spool/*/state.json")]
    assert state["readings"] == len(house.spooled()) >= 1
