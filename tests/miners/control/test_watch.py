"""Orders to simulated devices, judged by what the collector then reads of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django_q.models import OrmQ, Schedule

from hmm.lib.sealed import seal
from hmm.schedule import RECURRING
from miners.control.ask import queue_command
from miners.control.send import send_command
from miners.control.wait import wait_for
from miners.control.watch import judge_watched
from miners.drivers.orders import MASK, Answer, Kind
from miners.models import Command, LatestReading, StateChange
from miners.tasks import send_command as send_task
from tests.factories import MinerFactory
from tests.miners.control.conftest import Ordered

Simulated = Callable[[str], Ordered]
NEW_POOL = {"slot": "primary", "url": "stratum+tcp://new.example:3333", "user": "me"}


@pytest.mark.parametrize(
    ("name", "kind", "arguments", "after_s", "words"),
    [
        ("gamma-1", Kind.RESTART, {}, 60, "up for "),
        ("gamma-1", Kind.PAUSE, {}, 60, "hashrate 0, mode paused"),
        (
            "gamma-1",
            Kind.FREQUENCY,
            {"frequency_mhz": 500, "core_voltage_mv": 1100},
            60,
            "500 MHz and 1100 mV",
        ),
        ("gamma-1", Kind.FREQUENCY, {"core_voltage_mv": 1100}, 60, "1100 mV"),
        ("gamma-4", Kind.POOL, NEW_POOL, 60, "pool stratum+tcp://new.example:3333"),
        ("nerdqaxe-2", Kind.PAUSE, {}, 60, "hashrate 0, mode shutdown"),
        ("nerdqaxe-1", Kind.FREQUENCY, {"frequency_mhz": 550}, 60, "550 MHz"),
        ("nano3s-1", Kind.MODE, {"mode": "low"}, 60, "mode low"),
        ("avalonq-1", Kind.MODE, {"mode": "0"}, 60, "mode eco"),
        ("avalonq-1", Kind.PAUSE, {}, 60, "hashrate 0, mode idle"),
        ("avalonq-1", Kind.RESTART, {}, 60, "up for "),
    ],
)
def test_an_order_is_confirmed_by_the_next_reading(
    simulated: Simulated, name: str, kind: Kind, arguments: dict[str, Any], after_s: int, words: str
) -> None:
    device = simulated(name)
    device.is_read()
    command = device.order(kind, **arguments)
    assert command.status == "accepted", command.answer
    assert device.is_judged(command).status == "accepted"
    device.passes(after_s)
    device.is_read()
    confirmed = device.is_judged(command)
    assert confirmed.status == "confirmed", confirmed.evidence
    assert confirmed.evidence.startswith(f"the reading of {device.now():%Y-%m-%d %H:%M:%S} UTC: ")
    assert words in confirmed.evidence
    assert confirmed.decided_at == device.now()


def test_what_was_paused_is_resumed(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    paused = gamma.order(Kind.PAUSE)
    gamma.passes(60)
    gamma.is_read()
    assert gamma.is_judged(paused).status == "confirmed"
    resumed = gamma.order(Kind.RESUME)
    gamma.passes(60)
    gamma.is_read()
    resumed = gamma.is_judged(resumed)
    assert resumed.status == "confirmed"
    assert "hashes" in resumed.evidence
    paused.refresh_from_db()
    assert (paused.status, paused.watched) == ("confirmed", False)


def test_a_restart_that_did_not_happen_is_a_drift_with_what_was_seen(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.RESTART)
    gamma.running.device.machine._events.clear()
    for _ in range(6):
        gamma.passes(60)
        gamma.is_read()
        command = gamma.is_judged(command)
    assert command.status == "drifted"
    assert "up for " in command.evidence
    assert not command.watched


def test_what_a_device_does_later_on_its_own_is_a_drift_at_that_time(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.FREQUENCY, frequency_mhz=500)
    gamma.passes(60)
    gamma.is_read()
    assert gamma.is_judged(command).status == "confirmed"
    gamma.passes(3600)
    gamma.running.device.machine.order(gamma.running.clock.now(), frequency_mhz=600)
    gamma.is_read()
    drifted = gamma.is_judged(command)
    assert (drifted.status, drifted.decided_at, drifted.watched) == ("drifted", gamma.now(), False)
    first, second = drifted.evidence.splitlines()
    assert first.endswith("500 MHz")
    assert second.endswith("600 MHz")


def test_a_device_that_cannot_be_reached_confirms_no_pause(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    gamma.is_read()
    command = gamma.order(Kind.PAUSE)
    gamma.running.device.machine._down = True
    gamma.passes(120)
    outcome = gamma.is_read()
    assert not outcome.is_reading
    assert gamma.is_judged(command).status == "accepted"
    gamma.passes(180)
    drifted = gamma.is_judged(command)
    assert drifted.status == "drifted"
    assert drifted.evidence == f"no reading within 5 minutes: {outcome.result}"
    assert StateChange.objects.filter(miner=gamma.miner, state="unreachable").exists()


def test_an_order_of_unknown_outcome_is_judged_all_the_same(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.PAUSE)
    Command.objects.filter(pk=command.pk).update(status="unknown", answer="")
    gamma.passes(60)
    gamma.is_read()
    assert gamma.is_judged(command).status == "confirmed"


def test_an_order_that_no_reading_tells_of_does_not_stay_open(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.ask(Kind.IDENTIFY, light="on")
    with pytest.raises(SystemExit), patch("miners.control.send._note_answer", side_effect=SystemExit):
        send_command(command.pk, now=gamma.now)
    assert gamma.is_judged(command).status == "unknown"
    gamma.passes(121)
    left = gamma.is_judged(command)
    assert (left.status, left.evidence, left.watched) == ("unverifiable", "no reading tells of it", False)
    assert gamma.order(Kind.IDENTIFY, light="on").status == "unverifiable"


def test_a_later_order_supersedes_an_open_one_of_its_kind(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    first = gamma.order(Kind.FREQUENCY, frequency_mhz=500)
    other = gamma.order(Kind.PAUSE)
    second = gamma.order(Kind.FREQUENCY, frequency_mhz=550)
    first.refresh_from_db()
    other.refresh_from_db()
    assert first.status == "unverifiable"
    assert first.evidence == f"superseded by #{second.pk} before a reading had shown it"
    assert (other.status, other.watched) == ("accepted", True)


def test_an_order_that_is_answered_late_supersedes_none_that_was_sent_after_it(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    gamma = simulated("gamma-1")
    later: list[Command] = []

    def slow(*_: Any) -> tuple[Answer, int]:
        monkeypatch.undo()
        gamma.passes(3)
        later.append(gamma.order(Kind.RESUME))
        return Answer(True, "HTTP 200"), 1

    monkeypatch.setattr("miners.control.send._send", slow)
    first = gamma.order(Kind.PAUSE)
    later[0].refresh_from_db()
    assert (later[0].status, later[0].watched) == ("accepted", True)
    assert (first.status, first.watched) == ("unverifiable", False)
    assert first.evidence.startswith(f"superseded by #{later[0].pk} ")


def test_an_order_that_was_refused_supersedes_none(simulated: Simulated) -> None:
    q = simulated("avalonq-1")
    first = q.order(Kind.MODE, mode="eco")
    assert q.order(Kind.MODE, mode="standard").status == "failed"
    first.refresh_from_db()
    assert (first.status, first.watched) == ("accepted", True)


def test_an_order_that_nobody_sends_is_dropped(simulated: Simulated) -> None:
    gamma = simulated("gamma-1")
    command = gamma.ask(Kind.PAUSE)
    assert gamma.is_judged(command).status == "pending"
    gamma.passes(121)
    dropped = gamma.is_judged(command)
    assert dropped.status == "refused"
    assert "two minutes" in dropped.answer


def test_judging_costs_two_looks_however_many_miners_are_watched(
    simulated: Simulated, django_assert_num_queries: Any
) -> None:
    gamma = simulated("gamma-1")
    with django_assert_num_queries(2):
        assert judge_watched(gamma.now()) == 0
    for number in range(3):
        miner = MinerFactory(name=f"m{number}")
        LatestReading.objects.create(miner=miner, timestamp=gamma.now() - timedelta(hours=1))
        gamma.order(Kind.FREQUENCY, frequency_mhz=500 + number)
        Command.objects.filter(miner=gamma.miner).update(miner=miner)
    assert Command.objects.filter(watched=True).count() == 3
    with django_assert_num_queries(2):
        assert judge_watched(gamma.now()) == 0


def test_a_reading_keeps_what_the_chips_are_set_to(simulated: Simulated) -> None:
    gamma, q = simulated("gamma-1"), simulated("avalonq-1")
    gamma.is_read()
    q.is_read()
    told = LatestReading.objects.get(miner=gamma.miner)
    assert (told.frequency_mhz, told.core_voltage_mv) == (600, 1150)
    untold = LatestReading.objects.get(miner=q.miner)
    assert (untold.frequency_mhz, untold.core_voltage_mv) == (None, None)
    gamma.order(Kind.FREQUENCY, frequency_mhz=500)
    gamma.passes(30)
    gamma.is_read()
    told.refresh_from_db()
    assert (told.frequency_mhz, told.core_voltage_mv) == (500, 1150)


def test_waiting_reads_the_device_itself(simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.PAUSE)
    monkeypatch.setattr("miners.control.wait.time.sleep", gamma.passes)
    ended = wait_for(command, 10.0, now=gamma.now)
    assert ended.status == "confirmed"
    assert "hashrate 0" in ended.evidence
    assert not LatestReading.objects.filter(miner=gamma.miner, timestamp__isnull=False).exists()


def test_waiting_ends_at_the_deadline(simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    gamma = simulated("gamma-1")
    command = gamma.order(Kind.PAUSE)
    gamma.running.device.machine.order(gamma.running.clock.now(), paused=False)
    monkeypatch.setattr("miners.control.wait.time.sleep", lambda _: gamma.passes(60))
    ended = wait_for(command, 10.0, now=gamma.now)
    assert ended.status == "drifted"
    assert "hashes" in ended.evidence


def test_passwords_go_sealed_with_the_task_and_open_at_the_device(simulated: Simulated) -> None:
    nano = simulated("nano3s-1")
    for word, status in (("wrong", "failed"), ("admin", "accepted")):
        command = nano.ask(Kind.POOL, **NEW_POOL)
        Command.objects.filter(pk=command.pk).update(asked_at="2999-01-01T00:00:00Z")
        assert send_task(command.pk, {"device": seal(word)}) == status
        sent = Command.objects.get(pk=command.pk).sent
        assert f"admin,{MASK},0" in sent


def test_the_queue_sends_an_order_and_each_minute_judges(
    simulated: Simulated, django_capture_on_commit_callbacks: Any
) -> None:
    gamma = simulated("gamma-1")
    with django_capture_on_commit_callbacks(execute=True):
        command = gamma.ask(Kind.PAUSE)
        Command.objects.filter(pk=command.pk).update(asked_at="2999-01-01T00:00:00Z")
        queue_command(command)
    (queued,) = OrmQ.objects.all()
    assert (queued.task["func"], queued.task["args"]) == ("miners.tasks.send_command", (command.pk,))
    assert send_task(command.pk) == "accepted"
    assert "miners.tasks.watch_commands" in {recurring.func for recurring in RECURRING}
    assert Schedule.objects.filter(func="miners.tasks.watch_commands").exists()
