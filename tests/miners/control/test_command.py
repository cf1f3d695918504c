"""`manage.py command`: an order from the command line."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from miners.drivers.orders import Kind
from miners.models import Command
from tests.factories import MinerFactory
from tests.miners.control.conftest import Ordered
from tests.miners.drivers.servers import closed_port

Simulated = Callable[[str], Ordered]


def run(*words: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("command", *words, stdout=out, **options)
    return out.getvalue()


def refused(*words: str, **options: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*words, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_order_is_sent_and_its_answer_shown(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    said = run("gamma-1", "frequency", "frequency_mhz=525", why="quieter")
    command = Command.objects.get()
    assert said.splitlines() == [
        'sent      PATCH /api/system {"frequency": 525}',
        "answer    HTTP 200",
        f"#{command.pk} accepted",
    ]
    assert (command.who, command.why) == ("manage.py", "quieter")
    assert gamma.running.device.machine.settings.frequency_mhz == 525


def test_waiting_shows_the_reading_that_decided(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    gamma = simulated("gamma-1")
    monkeypatch.setattr("miners.control.wait.time.sleep", gamma.passes)
    said = run("gamma-1", "pause", why="too dear", wait=True)
    assert "confirmed: the reading of " in said
    assert "hashrate 0, mode paused" in said


def test_an_order_that_the_device_refuses_ends_with_1(simulated: Simulated) -> None:
    simulated("avalonq-1").order(Kind.MODE, mode="eco")
    error = refused("avalonq-1", "mode", "mode=standard", why="x")
    assert error.returncode == 1
    assert str(error).endswith("mode: failed")


def test_an_order_outside_of_the_safe_range_ends_with_2(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    error = refused("gamma-1", "frequency", "frequency_mhz=900", why="x")
    assert error.returncode == 2
    assert "900 MHz is outside 400 to 625 MHz" in str(error)
    assert str(error).endswith("Nothing was sent")
    assert gamma.running.device.machine.settings.frequency_mhz == 600


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nobody", "restart"), "no miner is called 'nobody'"),
        (("bench", "restart"), "say why"),
        (("bench", "explode"), "invalid choice: 'explode'"),
        (("bench", "mode"), "mode needs mode, as mode=VALUE"),
        (("bench", "mode", "eco"), "'eco' is not NAME=VALUE"),
        (("bench", "mode", "mode=1", "mode=2"), "an argument is given twice; mode takes mode"),
        (("bench", "restart", "now=1"), "restart takes no 'now'"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_sent(
    db: None, words: tuple[str, ...], complaint: str
) -> None:
    MinerFactory(name="bench", host="127.0.0.1", port=closed_port())
    error = refused(*words)
    assert complaint in str(error)
    assert error.returncode == 2
    assert not Command.objects.exists()


def test_a_miner_that_is_not_there_ends_with_2(db: None) -> None:
    MinerFactory(name="bench", host="127.0.0.1", port=closed_port(), driver="axeos")
    error = refused("bench", "restart", why="x")
    assert error.returncode == 2
    assert "connection refused. Nothing was sent" in str(error)
    assert Command.objects.get().status == "failed"


def test_without_an_order_it_says_what_there_is(simulated: Simulated) -> None:
    simulated("gamma-4")
    simulated("avalonq-1")
    said = run("gamma-4")
    assert said.startswith("gamma-4 offers restart, frequency, pool\nfrequency 400 to 625 MHz (ESP-Miner's")
    assert "cannot pause before AxeOS v2.14" in said
    assert run("avalonq-1") == (
        "avalonq-1 offers restart, pause, resume, mode, level, pool\nmodes 0 eco, 1 standard, 2 super\n"
    )
    assert not Command.objects.exists()


def test_passwords_are_read_and_not_kept(simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated("avalonq-1")
    monkeypatch.setattr("sys.stdin", io.StringIO("admin\nhunter2\n"))
    said = run("avalonq-1", "pool", "url=new.example:3333", "user=me", why="x", passwords=True)
    assert "sent      setpool|admin,•••,0,stratum+tcp://new.example:3333,me,•••" in said
    assert "hunter2" not in said
    assert Command.objects.get().arguments == {
        "slot": "primary",
        "url": "stratum+tcp://new.example:3333",
        "user": "me",
    }
