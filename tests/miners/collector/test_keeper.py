"""The keeper: what is written when, and where it goes while the database is away or says nothing."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, OperationalError

from hmm.spool_state import read_states
from miners.collector import deliver as delivering
from miners.collector import keeper as keeping
from miners.collector.desk import Done, HereDesk, ThreadDesk, attempt
from miners.collector.keeper import PATIENCE_S, RETRY_S, Flush, Keeper, publish
from miners.collector.poll import Outcome
from miners.collector.spool import Spool
from miners.models import Miner, MinerState, SetAside, StateChange, Telemetry
from tests.factories import SiteFactory
from tests.miners.collector.conftest import NOON, HandClock
from tests.miners.collector.test_record import make_miner, said, states
from tests.waiting import wait_for


class SlowDesk:
    """Begins work and ends it when it is told to."""

    def __init__(self) -> None:
        self.work: Callable[[], Any] | None = None
        self._done: Done | None = None

    def start(self, work: Callable[[], Any], ended: Callable[[], None]) -> None:
        assert self.work is None
        self.work = work

    def take(self) -> Done | None:
        done, self._done = self._done, None
        return done

    def end(self, error: Exception | None = None) -> None:
        """Let the work end, by itself or with `error`."""
        assert self.work
        self._done = Done(error=error) if error else attempt(self.work)
        self.work = None


AWAY = OperationalError("the connection is closed\nmore of that")


@pytest.fixture
def miner(db: None) -> Miner:
    return make_miner(SiteFactory(poll_interval_s=30))


@pytest.fixture
def desk() -> SlowDesk:
    return SlowDesk()


@pytest.fixture
def keeper(desk: SlowDesk, spool: Spool, hands: HandClock) -> Keeper:
    return Keeper(desk, spool, hands.clock, Flush(seconds=5, outcomes=3))


def give(keeper: Keeper, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        keeper.take(outcome)
    keeper.step()


def stored() -> list[int]:
    """Return the seconds after noon of all rows."""
    return [
        int((t - NOON).total_seconds())
        for t in Telemetry.objects.order_by("timestamp").values_list("timestamp", flat=True)
    ]


def run(keeper: Keeper, desk: SlowDesk) -> None:
    """Let all that can be done be done."""
    keeper.step()
    while desk.work:
        desk.end()
        keeper.step()


def test_a_batch_is_written_when_it_is_large_enough(keeper: Keeper, desk: SlowDesk, miner: Miner) -> None:
    give(keeper, [said(miner, 0), said(miner, 30)])
    assert desk.work is None
    give(keeper, [said(miner, 60)])
    desk.end()
    keeper.step()
    assert stored() == [0, 30, 60]
    assert keeper.has_all_stored


def test_a_batch_is_written_when_it_is_old_enough(
    keeper: Keeper, desk: SlowDesk, miner: Miner, hands: HandClock
) -> None:
    give(keeper, [said(miner, 0)])
    hands.forward(4.9)
    keeper.step()
    assert desk.work is None
    hands.forward(0.1)
    run(keeper, desk)
    assert stored() == [0]


def test_the_batch_in_hand_is_spooled_when_the_database_turns_out_to_be_away(
    keeper: Keeper, desk: SlowDesk, miner: Miner, spool: Spool
) -> None:
    give(keeper, [said(miner, 30 * n) for n in range(3)])
    desk.end(AWAY)
    keeper.step()
    assert spool.readings == 3
    assert Spool(spool.directory, max_bytes=1).readings == 3  # on the disk
    state = keeper.state()
    assert (state.since, state.reason, state.replaying) == (NOON, "the connection is closed", False)


def test_while_it_is_away_what_is_due_goes_to_the_disk_and_nobody_asks_it(
    keeper: Keeper, desk: SlowDesk, miner: Miner, spool: Spool, hands: HandClock
) -> None:
    give(keeper, [said(miner, 30 * n) for n in range(3)])
    desk.end(AWAY)
    keeper.step()
    for n in range(3, 9):
        hands.forward(0.5)
        give(keeper, [said(miner, 30 * n)])
        assert desk.work is None
    assert spool.readings == 9
    assert not keeper.do(lambda: None, lambda _: None)


def test_when_it_is_back_the_spool_is_stored_in_order_and_what_follows_after_it(
    keeper: Keeper,
    desk: SlowDesk,
    miner: Miner,
    spool: Spool,
    hands: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "REPLAYED_AT_ONCE", 2)
    give(keeper, [said(miner, 0, accepted=1), said(miner, 30, accepted=3), said(miner, 60, "refused")])
    desk.end(AWAY)
    keeper.step()
    hands.forward(RETRY_S)
    keeper.step()
    desk.end()
    give(keeper, [said(miner, 90, accepted=7), said(miner, 120, accepted=8), said(miner, 150, "refused")])
    assert keeper.state().replaying
    assert spool.readings == 4  # the new ones queue up behind
    run(keeper, desk)
    assert [(r.covered_s, r.accepted) for r in Telemetry.objects.order_by("timestamp")] == [
        *((30, None), (30, 2), (60, 4), (30, 1)),
    ]
    assert states(miner) == [
        (state, NOON + timedelta(seconds=at))
        for state, at in [("online", 0), ("unreachable", 60), ("online", 90), ("unreachable", 150)]
    ]
    assert keeper.has_all_stored
    assert keeper.state().since is None
    give(keeper, [said(miner, 180 + 30 * n) for n in range(3)])
    assert desk.work
    assert not spool


def test_a_database_that_says_nothing_costs_no_reading(
    keeper: Keeper,
    desk: SlowDesk,
    miner: Miner,
    spool: Spool,
    hands: HandClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    give(keeper, [said(miner, 30 * n) for n in range(3)])
    give(keeper, [said(miner, 90 + 30 * n) for n in range(3)])
    assert spool.readings == 0
    hands.forward(PATIENCE_S)
    keeper.step()
    assert spool.readings == 6  # what is in hand too: nobody knows whether it was stored
    assert "no answer for 5 s" in caplog.text
    desk.end()
    run(keeper, desk)
    assert stored() == [0, 30, 60, 90, 120, 150]
    assert keeper.has_all_stored
    assert not SetAside.objects.exists()


def test_what_a_collector_has_left_is_stored_first(
    desk: SlowDesk, miner: Miner, spool: Spool, hands: HandClock
) -> None:
    spool.append([said(miner, 0, accepted=1), said(miner, 30, accepted=4)])
    spool.close()
    later = Keeper(desk, Spool(spool.directory, max_bytes=10**6), hands.clock, Flush(seconds=5, outcomes=1))
    assert later.state().since == NOON
    give(later, [said(miner, 60, accepted=9)])
    run(later, desk)
    assert [r.accepted for r in Telemetry.objects.order_by("timestamp")] == [None, 3, 5]


def test_a_crash_in_the_middle_of_a_replay_stores_nothing_twice(
    desk: SlowDesk, miner: Miner, spool: Spool, hands: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "REPLAYED_AT_ONCE", 3)
    spool.append([said(miner, 30 * n, "refused" if n == 4 else None, accepted=n) for n in range(8)])
    spool.close()
    first = Keeper(desk, Spool(spool.directory, max_bytes=10**6), hands.clock, Flush())
    first.step()
    desk.end()
    first.step()
    desk.end()  # and dies before it could note that it is stored
    assert len(stored()) == 5
    second = Keeper(HereDesk(), Spool(spool.directory, max_bytes=10**6), hands.clock, Flush())
    second.step()
    while not second.has_all_stored:
        second.step()
    assert [r.accepted for r in Telemetry.objects.order_by("timestamp")] == [None, 1, 1, 1, 2, 1, 1]
    assert StateChange.objects.count() == 3
    assert not SetAside.objects.exists()


def test_a_record_that_the_database_refuses_is_put_aside_and_blocks_nothing(
    miner: Miner, spool: Spool, hands: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append([said(miner, 0), said(miner, 30, fan_rpm="many\x00\ud800"), said(miner, 60)])
    spool.close()
    (segment,) = spool.directory.glob("*.spool")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([lines[0], b"0" * 8 + b" gone\n", *lines[1:]]))
    for _ in range(2):  # put back and replayed again, it is put aside once
        kept = segment.read_bytes()
        keeper = Keeper(HereDesk(), Spool(spool.directory, max_bytes=10**6), hands.clock, Flush())
        keeper.step()
        assert keeper.has_all_stored
        assert stored() == [0, 60]
        segment.write_bytes(kept)
    refused = list(SetAside.objects.order_by("pk").values_list("miner_name", "reason", "source"))
    assert [(name, source) for name, _, source in refused] == [("", "collector"), (miner.name, "collector")]
    assert "damaged in the spool: the checksum is wrong" in refused[0][1]
    assert "cannot be stored: " in refused[1][1]


def test_a_full_spool_is_an_alarm_with_a_number_and_ends_with_the_replay(
    desk: SlowDesk, miner: Miner, tmp_path: Path, hands: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, max_bytes=1000)
    keeper = Keeper(desk, spool, hands.clock, Flush(seconds=5, outcomes=3))
    give(keeper, [said(miner, n) for n in range(3)])
    desk.end(AWAY)
    keeper.step()
    for n in (1, 2):
        give(keeper, [said(miner, 3 * n + m) for m in range(3)])
    state = keeper.state()
    assert (state.readings, state.lost, state.full_since) == (3, 6, NOON)
    alarms = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(alarms) == 1  # once a minute
    assert "readings are being lost" in alarms[0].message
    hands.forward(RETRY_S)
    run(keeper, desk)
    assert keeper.state().full_since is None
    assert keeper.state().lost == 6
    assert len(stored()) == 3


def test_other_errors_are_not_taken_for_an_absence(keeper: Keeper, desk: SlowDesk, miner: Miner) -> None:
    give(keeper, [said(miner, n) for n in range(3)])
    desk.end(RuntimeError("a fault in the program"))
    with pytest.raises(RuntimeError):
        keeper.step()


def test_the_end_stores_what_is_buffered(miner: Miner, spool: Spool, hands: HandClock) -> None:
    keeper = Keeper(HereDesk(), spool, hands.clock, Flush())
    give(keeper, [said(miner, 0)])
    keeper.finish(1)
    assert stored() == [0]
    assert not spool


def test_the_end_spools_what_the_database_does_not_take(
    keeper: Keeper, desk: SlowDesk, miner: Miner, spool: Spool
) -> None:
    give(keeper, [said(miner, 30 * n) for n in range(3)])
    give(keeper, [said(miner, 90)])
    keeper.finish(0.05)
    assert [outcome.at for outcome in spool.read(10).outcomes] == [
        NOON + timedelta(seconds=30 * n) for n in range(4)
    ]


def test_a_batch_is_tried_one_by_one_only_where_the_database_refuses_it(
    miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def refuse(outcomes: Sequence[Outcome], now: object) -> None:
        tried.append(len(outcomes))
        raise AWAY if len(tried) == 2 else DataError("no")

    monkeypatch.setattr(delivering, "record", refuse)
    with pytest.raises(OperationalError):
        delivering.deliver([said(miner, 0), said(miner, 30)], NOON)
    assert tried == [2, 1]


def test_work_at_a_desk_of_its_own_is_done_in_another_thread_one_after_the_other() -> None:
    desk, said_so = ThreadDesk(), []
    desk.start(lambda: 7, lambda: said_so.append(1))
    assert wait_for(desk.take, "the work").result == 7
    desk.start(lambda: 1 / 0, lambda: said_so.append(2))
    assert isinstance(wait_for(desk.take, "the work").error, ZeroDivisionError)
    assert desk.take() is None
    assert said_so[0] == 1


def test_its_state_is_read_by_others(keeper: Keeper, desk: SlowDesk, miner: Miner, tmp_path: Path) -> None:
    give(keeper, [said(miner, n) for n in range(3)])
    desk.end(AWAY)
    keeper.step()
    place = tmp_path / "spool" / "1"
    place.mkdir(parents=True)
    publish(place, keeper.state())
    (state,) = read_states(tmp_path)
    assert state == keeper.state()
    assert state.reason == "the connection is closed"
    assert state.says() == {
        "at": NOON.isoformat(),
        "since": NOON.isoformat(),
        "readings": 3,
        "size_bytes": keeper.spool.size,
        "oldest": NOON.isoformat(),
        "full_since": None,
        "full": False,
        "lost": 0,
        "replaying": False,
    }
    miner.refresh_from_db()
    assert miner.state == MinerState.NEW


def test_a_state_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    place = tmp_path / "spool" / "1"
    place.mkdir(parents=True)
    assert read_states(tmp_path) == []
    for text in ("", "{}", "[]", '{"at": 1}', "\x00"):
        (place / "state.json").write_text(text)
        assert read_states(tmp_path) == []
