"""The drivers against the simulated devices: two readings of the same facts, made independently, over sockets."""

import contextlib
import time

import pytest

from miners.drivers import Address, Misread, Reading, Unreachable, detect, drivers
from miners.simulator.device import Condition
from miners.simulator.fleet import DeviceSpec, fleet
from tests.miners.simulator.harness import START, Running, device_named, running

ONE_OF_EACH = ["gamma-1", "supra-1", "nerdqaxe-1", "nano3s-1", "avalonq-1"]
WARM_S = 1800.0
SAID = (
    "hashrate_ghs",
    "power_w",
    "temperature_c",
    "uptime_s",
    "accepted",
    "identity",
    "firmware",
    "pool_url",
)


def address(device: Running) -> Address:
    return Address("127.0.0.1", device.port)


def read(device: Running, timeout_s: float = 10.0) -> Reading:
    """Read the device with its own driver."""
    driver = drivers[device.device.spec.driver]
    return driver.read(address(device), time.monotonic() + timeout_s)


def when(device: Running, wanted) -> float:
    return next(START + s for s in range(3600) if wanted(START + s))


@pytest.mark.parametrize("spec", [device_named(name) for name in ONE_OF_EACH], ids=ONE_OF_EACH)
def test_each_kind_is_recognised_and_read_as_its_data_sheet_says(spec: DeviceSpec) -> None:
    with running(spec) as (device,):
        device.clock.time += WARM_S
        reading = detect(address(device), 10.0)
    assert (reading.driver, reading.model) == (spec.driver, spec.model)
    assert all(getattr(reading, name) for name in SAID)
    assert reading.rejected is not None
    assert 13 <= reading.power_w / (reading.hashrate_ghs / 1000) <= 25  # J/TH
    assert 30 < reading.temperature_c < 100
    assert not reading.warnings


def test_names_of_drivers_and_models_are_those_of_the_manifest() -> None:
    assert {spec.driver for spec in fleet()} <= set(drivers.names())


def test_a_paused_bitaxe_reads_as_not_hashing_and_not_as_gone() -> None:
    with running(device_named("gamma-1")) as (device,):
        device.clock.time += WARM_S
        assert device.post("/api/system/pause").ok
        device.clock.time += 300
        reading = read(device)
    assert reading.hashrate_ghs == 0
    assert reading.mode == "paused"


def test_a_lower_frequency_shows_in_the_reading() -> None:
    with running(device_named("gamma-1")) as (device,):
        device.clock.time += WARM_S
        before = read(device)
        assert device.patch({"frequency": 400, "coreVoltage": 1060}).ok
        device.clock.time += WARM_S
        after = read(device)
    assert after.hashrate_ghs < 0.85 * before.hashrate_ghs
    assert after.power_w < 0.85 * before.power_w


def test_an_avalon_in_another_work_mode_reads_so() -> None:
    with running(device_named("avalonq-1")) as (device,):
        device.clock.time += WARM_S
        before = read(device)
        assert device.status("ascset", "0,workmode,set,0")["STATUS"] == "S"
        device.clock.time += WARM_S
        after = read(device)
    assert after.mode != before.mode
    assert after.power_w < 0.7 * before.power_w


def test_the_dark_device_is_unreachable() -> None:
    with running(device_named("gamma-2")) as (device,):
        device.clock.time = when(device, lambda t: device.device.condition(t) is Condition.SILENT)
        with pytest.raises(Unreachable, match="no answer within"):
            read(device, timeout_s=0.5)


def test_broken_json_is_misread_or_read_right_and_never_wrong() -> None:
    with running(device_named("nano3s-2")) as (device,):
        device.clock.time += WARM_S
        right = read(device).hashrate_ghs
        device.clock.time = when(
            device, lambda t: t > START + WARM_S and device.device.broken_spell(t) is not None
        )
        with contextlib.suppress(Misread):
            assert read(device).hashrate_ghs == pytest.approx(right, rel=0.2)


def test_a_reboot_resets_the_counters() -> None:
    with running(device_named("gamma-1")) as (device,):
        device.clock.time += 4 * WARM_S
        before = read(device)
        assert device.post("/api/system/restart").ok
        device.clock.time += 60
        after = read(device)
    assert after.uptime_s < 60 < before.uptime_s
    assert after.accepted < before.accepted
