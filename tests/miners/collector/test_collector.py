"""The collector over real sockets: what it stores, and that no device holds up another."""

import logging
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from hmm.models import Heartbeat
from miners.collector.collector import Collector
from miners.collector.fleet import read_fleet
from miners.collector.poll import Outcome
from miners.collector.record import record
from miners.collector.schedule import offset_s
from miners.drivers.base import Reading
from miners.models import LatestReading, Miner, MinerState, Site, StateChange
from tests.factories import MinerFactory, SiteFactory
from tests.miners.collector.conftest import (
    NOON,
    HandClock,
    MakeCollector,
    MakeDevice,
    add,
    rows_of,
    state_of,
    tick_until,
)


def test_a_cycle_stores_a_row_the_latest_reading_and_the_state(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(temperature_c=61.0, accepted=5, mode="eco", warnings=["hot"]), site=site)
    collector.once()
    (row,) = rows_of(miner)
    assert (row.timestamp, row.covered_s, row.power_w, row.temperature_c) == (NOON, 30, 15.0, 61.0)
    assert (row.accepted, row.fan_rpm) == (None, None)
    latest = LatestReading.objects.get(miner=miner)
    assert (latest.accepted_counter, latest.mode, latest.warnings) == (5, "eco", ["hot"])
    assert state_of(miner) == (MinerState.ONLINE, "")
    assert miner.state_since == NOON
    assert Heartbeat.objects.get(service="collector").at == NOON


def test_the_next_turn_adds_the_shares_since_and_the_time_between(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    one = device(accepted=5, rejected=0)
    miner = add(one, site=site)
    collector.once()
    for seconds, accepted in ((30, 9), (60, 2), (90, None), (180, 4)):
        hands.at = NOON + timedelta(seconds=seconds)
        one.says["accepted"] = accepted
        collector.once()
    assert [(r.covered_s, r.accepted) for r in rows_of(miner)] == [
        (30, None),
        (30, 4),
        (30, 2),
        (30, None),
        (30, 2),
    ]


def test_a_miner_is_asked_once_in_each_turn(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    miner = add(device(), site=site)
    tick_until(collector, lambda: len(rows_of(miner)) == 1)
    hands.forward(1)
    collector.tick()
    assert not collector._asked
    hands.forward(60)
    tick_until(collector, lambda: len(rows_of(miner)) == 2)


def test_a_mark_right_after_the_first_poll_is_left_out(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    miner = add(device(), site=site)
    mark = NOON + timedelta(seconds=30 + offset_s(miner.pk, 30))
    hands.at = mark - timedelta(seconds=2)
    tick_until(collector, lambda: len(rows_of(miner)) == 1)
    hands.forward(3)
    collector.tick()
    assert not collector._asked
    hands.forward(30)
    tick_until(collector, lambda: len(rows_of(miner)) == 2)


def test_a_hung_device_delays_no_other(site: Site, device: MakeDevice, collector: Collector) -> None:
    hung = device()
    hung.hangs = True
    waiting = add(hung, site=site)
    others = [add(device(), site=site) for _ in range(5)]
    tick_until(collector, lambda: all(rows_of(miner) for miner in others))
    assert hung.asked.acquire(timeout=10)
    assert state_of(waiting) == (MinerState.NEW, "")  # still being asked
    assert [state_of(miner)[0] for miner in others] == [MinerState.ONLINE] * 5
    hung.release()
    tick_until(collector, lambda: bool(rows_of(waiting)))


def test_a_miner_still_being_asked_is_not_asked_again(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    hung = device()
    hung.hangs = True
    add(hung, site=site)
    collector.tick()
    assert hung.asked.acquire(timeout=10)
    for _ in range(3):
        hands.forward(30)
        collector.tick()
    assert not hung.asked.acquire(timeout=0.2)


def test_dark_devices_wait_in_a_lane_of_their_own(
    site: Site, device: MakeDevice, hands: HandClock, make_collector: MakeCollector
) -> None:
    """With a single thread a lane, a device that was dark and now hangs leaves the other one polled."""
    collector = make_collector(threads=1)
    dark, good = device(), device()
    dark.raw = b""
    was_dark, miner = add(dark, site=site), add(good, site=site)
    tick_until(
        collector, lambda: state_of(was_dark)[0] == MinerState.UNREACHABLE and len(rows_of(miner)) == 1
    )
    dark.hangs = True
    for polls in (2, 3):
        hands.forward(60)
        tick_until(collector, lambda polls=polls: len(rows_of(miner)) == polls)
    assert state_of(was_dark)[0] == MinerState.UNREACHABLE


def test_only_enabled_unretired_miners_with_an_address_are_asked(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    one = device()
    add(one, site=site, enabled=False)
    add(one, site=site, retired_at=NOON)
    MinerFactory(site=site, host="")
    assert collector.once() == []


def test_changes_of_the_fleet_take_effect_without_a_restart(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    collector.tick()
    assert Heartbeat.objects.filter(service="collector").exists()
    miner = add(device(), site=site)
    hands.forward(10)
    tick_until(collector, lambda: len(rows_of(miner)) == 1)
    Miner.objects.update(enabled=False)
    hands.forward(60)
    collector.tick()
    assert not collector._asked


def test_an_answer_from_where_the_miner_no_longer_is_does_not_count(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    one = device()
    one.hangs = True
    miner = add(one, site=site)
    collector.tick()
    assert one.asked.acquire(timeout=10)
    Miner.objects.filter(pk=miner.pk).update(host="127.0.0.2")
    one.release()
    tick_until(collector, lambda: not collector._asked and collector.keeper.has_all_stored)
    assert rows_of(miner) == []


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_loses_nothing(
    device: MakeDevice, collector: Collector, hands: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = device()
    miner = add(one, site=SiteFactory(poll_interval_s=30))
    tick_until(collector, lambda: len(rows_of(miner)) == 1)
    with caplog.at_level(logging.INFO, logger="miners.collector"):
        hands.forward(30)
        end_database_sessions()
        tick_until(collector, lambda: collector.keeper.spool.readings == 1)
        assert [row.timestamp for row in rows_of(miner)] == [NOON]
        hands.forward(10)
        tick_until(collector, lambda: collector.keeper.has_all_stored)
    assert [row.timestamp for row in rows_of(miner)] == [NOON, NOON + timedelta(seconds=30)]
    said = [record.message for record in caplog.records]
    assert sum("is away" in message for message in said) == 1
    assert sum("is back; 1 readings were spooled" in message for message in said) == 1
    assert sum("all of it is stored" in message for message in said) == 1


def test_what_was_kept_of_one_miner_is_stored_as_if_it_had_come_one_by_one(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(), site=site)
    collector.fleet = read_fleet()
    target = collector.fleet[miner.pk]
    outcomes = [
        Outcome(target, NOON + timedelta(seconds=60), Reading("line", hashrate_ghs=1.0, accepted=9)),
        Outcome(target, NOON, Reading("line", hashrate_ghs=1.0, accepted=5)),
        Outcome(target, NOON + timedelta(seconds=30), "no answer"),
    ]
    record(outcomes, NOON + timedelta(hours=1))
    assert [(row.covered_s, row.accepted) for row in rows_of(miner)] == [(30, None), (60, 4)]
    states = StateChange.objects.filter(miner=miner).order_by("at").values_list("state", flat=True)
    assert list(states) == ["online", "unreachable", "online"]
    assert state_of(miner) == (MinerState.ONLINE, "")


def end_database_sessions() -> None:
    """End the collector's session from outside, as a server that restarts does."""
    parameters = connection.get_connection_params()
    with psycopg.connect(
        host=parameters.get("host"),
        port=parameters.get("port"),
        user=parameters.get("user"),
        password=parameters.get("password"),
        dbname=parameters["dbname"],
        autocommit=True,
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_an_outcome_that_cannot_be_stored_does_not_keep_the_others_from_it(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    odd = device(fan_rpm="many")
    miner, other = add(odd, site=site), add(device(), site=site)
    collector.once()
    assert len(rows_of(other)) == 1
    assert rows_of(miner) == []
