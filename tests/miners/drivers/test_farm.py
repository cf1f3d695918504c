import importlib.util
import os
import sys
import time
from datetime import timedelta

import pytest

from miners.drivers import Address, Misread, Reading, Unreachable, detect, drivers
from miners.drivers.farm import PACKAGE, reading_of
from tests.miners.drivers.fixtures import in_a_thread, json_reply
from tests.miners.drivers.servers import cgminer_device, closed_port

with_package = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None or sys.platform != "linux",
    reason="NOT TESTED: pyasic-rs is not installed (make setup-farm), or there are no addresses 127.x here",
)
HASHRATE = {"value": 59.5, "unit": "TH/s", "algo": "SHA256"}
DATA = {
    "mac": "02:00:5e:10:00:09",
    "device_info": {"make": "Antminer", "model": "S19KPro", "firmware": "LuxOS"},
    "firmware_version": "2025.4.8",
    "hashboards": [
        {"board_temperature": 40.0, "outlet_chip_temperature": 61.5},
        {"board_temperature": 41.0, "outlet_chip_temperature": 63.0},
        {"board_temperature": None, "outlet_chip_temperature": None},
    ],
    "hashrate": HASHRATE,
    "fans": [{"position": 0, "rpm": 1919.99999}],
    "average_temperature": 50.0,
    "wattage": 1051.0,
    "uptime": timedelta(seconds=3453),
    "is_mining": True,
    "operating_state": None,
    "pools": [
        {"pools": [{"url": "stratum+tcp://a.example:1", "user": "w", "active": True, "accepted_shares": 7, "rejected_shares": 1}]},
        {"pools": [{"url": "stratum+tcp://b.example:1", "user": "x", "active": False, "accepted_shares": 2, "rejected_shares": 0}]},
    ],
}  # fmt: skip
NOTHING = {
    "mac": None,
    "device_info": {"make": "Antminer", "model": "S19KPro", "firmware": "LuxOS"},
    "hashboards": [],
    "hashrate": None,
    "wattage": None,
    "average_temperature": None,
    "is_mining": True,
    "pools": [],
}


def test_what_the_package_says_is_read_whole():
    assert reading_of(DATA) == Reading(
        driver="farm",
        model="Antminer S19KPro",
        firmware="LuxOS 2025.4.8",
        hashrate_ghs=59500,
        power_w=1051,
        temperature_c=63.0,
        fan_rpm=1920,
        accepted=9,
        rejected=1,
        uptime_s=3453,
        pool_url="stratum+tcp://a.example:1",
        pool_user="w",
        mode="mining",
        identity="02:00:5E:10:00:09",
    )


def test_no_data_is_not_mining():
    reading = reading_of(NOTHING)
    assert (reading.hashrate_ghs, reading.mode, reading.power_w) == (None, None, None)


@pytest.mark.parametrize(
    ("hashrate", "hashrate_ghs"),
    [
        ({"value": 1.5, "unit": "PH/s"}, 1_500_000),
        ({"value": 500, "unit": "GH/s"}, 500),
        ({"value": 500, "unit": "sols"}, None),
        ({"value": None, "unit": "TH/s"}, None),
        (7, None),
    ],
)
def test_a_hashrate_has_a_unit(hashrate, hashrate_ghs):
    assert reading_of(DATA | {"hashrate": hashrate}).hashrate_ghs == hashrate_ghs


@pytest.mark.parametrize(
    ("told", "mode"),
    [
        ({"is_mining": False}, "stopped"),
        ({"operating_state": "Suspended"}, "Suspended"),
        ({"hashrate": None}, None),
    ],
)
def test_the_mode_needs_more_than_the_word_of_the_package(told, mode):
    assert reading_of(DATA | told).mode == mode


def test_part_of_the_shares_is_not_the_shares():
    pools = [{"pools": [{"accepted_shares": 4}, {"accepted_shares": None}]}]
    assert reading_of(DATA | {"pools": pools}).accepted is None


def test_without_the_package_the_driver_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("miners.drivers.farm.PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(Misread, match="make setup-farm"):
        in_a_thread(drivers["farm"].read, Address("127.0.0.1"), time.monotonic() + 1)


@pytest.mark.parametrize("fault", [RuntimeError("Invalid JSON: expected value"), ValueError("no such field")])
def test_a_fault_of_the_package_is_a_misread_of_that_miner_alone(monkeypatch, fault):
    async def faulty(address, time_limit):
        raise fault

    monkeypatch.setattr("miners.drivers.farm.PACKAGE", "json")
    monkeypatch.setattr("miners.drivers.farm.miner_at", faulty)
    with pytest.raises(Misread, match=r"pyasic-rs: (Invalid JSON|no such field)"):
        in_a_thread(drivers["farm"].read, Address("127.0.0.1"), time.monotonic() + 30)


LUXOS = {
    "version": json_reply(VERSION=[{"LUXminer": "2025.4.8", "Type": "Antminer S19k Pro", "API": "3.7"}]),
    "summary": json_reply(SUMMARY=[{"Elapsed": 50, "GHS 5s": 59500.0, "Accepted": 7, "Rejected": 1}]),
    "stats": json_reply(STATS=[{"Type": "Antminer S19k Pro"}, {"GHS 5s": 59500.0, "Elapsed": 50}]),
    "power": json_reply(POWER=[{"PSU": True, "Watts": 1051}]),
    "config": json_reply(CONFIG=[{"MACAddr": "02:00:5e:10:00:09", "Model": "Antminer S19k Pro"}]),
}


def own_host() -> str:
    """Return an address of loopback that nothing else uses, so that the firmware's ports are free there."""
    return f"127.79.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"


@with_package
def test_a_luxos_is_read_through_the_package():
    host = own_host()
    with cgminer_device(LUXOS, host=host, port=4028):
        reading = detect(Address(host), 10)
    assert (reading.driver, reading.hashrate_ghs, reading.power_w) == ("farm", 59500, 1051)
    assert reading.identity == "02:00:5E:10:00:09"


@with_package
def test_another_miner_is_left_to_its_own_driver():
    host = own_host()
    replies = {"summary": json_reply(SUMMARY=[{"Elapsed": 5, "MHS 5s": 5000.0}])}
    with cgminer_device(replies, host=host, port=4028):
        assert detect(Address(host), 10).driver == "cgminer"


@with_package
def test_a_dark_host_is_not_mining():
    with pytest.raises((Unreachable, Misread)):
        in_a_thread(drivers["farm"].read, Address(own_host()), time.monotonic() + 2)


@with_package
def test_a_port_of_ones_own_is_not_asked():
    with pytest.raises(Misread, match="leave the port out"):
        in_a_thread(drivers["farm"].read, Address("127.0.0.1", closed_port()), time.monotonic() + 2)
