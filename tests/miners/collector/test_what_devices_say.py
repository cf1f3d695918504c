"""What a device says, or that it says nothing, becomes of its miner: a state, rows, what is learned of it."""

import socket
from datetime import timedelta

import pytest

from miners.collector.collector import Collector
from miners.models import MinerModel, MinerState, SetAside, Site, StateChange, Telemetry
from tests.miners.collector.conftest import NOON, HandClock, MakeCollector, MakeDevice, add, rows_of, state_of


def test_a_device_that_does_not_answer_in_time_is_unreachable(
    site: Site, device: MakeDevice, make_collector: MakeCollector
) -> None:
    hung = device()
    hung.hangs = True
    miner = add(hung, site=site)
    make_collector(timeout_s=0.2).once()
    assert state_of(miner) == (MinerState.UNREACHABLE, "no answer in time")
    assert rows_of(miner) == []


def test_a_failed_poll_is_a_state_with_its_reason_and_never_a_row(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refusing = add(port, site=site)
    broken = device()
    broken.raw = b'{"hashrate_ghs": 12'
    garbled = add(broken, site=site)
    collector.once()
    assert state_of(refusing) == (MinerState.UNREACHABLE, "Connection refused")
    assert state_of(garbled) == (MinerState.UNREACHABLE, "half a JSON")
    assert not Telemetry.objects.exists()
    broken.raw = None
    hands.forward(30)
    collector.once()
    assert state_of(garbled) == (MinerState.ONLINE, "")
    changes = StateChange.objects.filter(miner=garbled).order_by("at").values_list("state", "at")
    assert list(changes) == [("unreachable", NOON), ("online", NOON + timedelta(seconds=30))]
    assert StateChange.objects.filter(miner=refusing).count() == 1


def test_a_device_that_answers_and_does_not_hash_is_offline_with_rows_of_zero(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(hashrate_ghs=0.0, mode="paused"), site=site)
    collector.once()
    assert state_of(miner) == (MinerState.OFFLINE, "answers, and does not hash: paused")
    assert [row.hashrate_ghs for row in rows_of(miner)] == [0.0]


def test_a_miner_in_maintenance_is_polled_and_called_so(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(), site=site, maintenance=True)
    collector.once()
    assert state_of(miner)[0] == MinerState.MAINTENANCE
    assert len(rows_of(miner)) == 1


@pytest.mark.parametrize("power_w", [-5.0, 5e-324])
def test_an_impossible_reading_is_set_aside_and_the_miner_unreachable_with_that_reason(
    site: Site, device: MakeDevice, collector: Collector, power_w: float
) -> None:
    miner = add(device(power_w=power_w), site=site)
    collector.once()
    state, reason = state_of(miner)
    assert state == MinerState.UNREACHABLE
    assert f"power_w {power_w} is impossible" in reason
    assert rows_of(miner) == []
    assert SetAside.objects.get().miner_name == miner.name


def test_a_fault_in_a_driver_is_a_reason_and_ends_nothing(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    odd, good = device(), device()
    odd.raw = b"[1]\n"  # the tests' driver takes an object for granted
    miner, other = add(odd, site=site), add(good, site=site)
    collector.once()
    assert state_of(miner)[0] == MinerState.UNREACHABLE
    assert "the driver failed: TypeError" in state_of(miner)[1]
    assert len(rows_of(other)) == 1


def test_an_unknown_driver_is_named_with_those_there_are(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(), site=site, driver="linne")
    collector.once()
    assert state_of(miner)[1].startswith("no driver is called 'linne'; there are: ")


def test_what_a_device_says_of_itself_is_learned_once(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    one = device(model="Gamma", identity="02:AA")
    miner = add(one, site=site)
    named = add(
        device(model="Gamma", identity="02:BB"), site=site, model=MinerModel.objects.create(name="Mine")
    )
    collector.once()
    miner.refresh_from_db()
    named.refresh_from_db()
    assert (miner.model and miner.model.name, miner.identity) == ("Gamma", "02:AA")
    assert (named.model and named.model.name, named.identity) == ("Mine", "02:BB")


def test_the_driver_is_found_out_at_the_first_poll(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(), site=site, driver="")
    collector.once()
    miner.refresh_from_db()
    assert miner.driver == "line"
    assert len(rows_of(miner)) == 1


def test_another_device_at_a_known_address_is_no_reading(
    site: Site, device: MakeDevice, collector: Collector
) -> None:
    miner = add(device(identity="02:BB"), site=site, identity="02:AA")
    collector.once()
    assert state_of(miner) == (MinerState.UNREACHABLE, "another device answers: 02:BB, not 02:AA")
    assert rows_of(miner) == []
