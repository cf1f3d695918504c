"""What the better known forks of cgminer say beside the summary."""

import json

import pytest

from miners.drivers import Misread, Reading
from tests.miners.drivers.fixtures import json_reply, read, read_cgminer
from tests.miners.drivers.servers import INVALID_JSON, cgminer_device


def msg_reply(**message) -> bytes:
    """Return Whatsminer's other kind of reply: a plain STATUS and an object as Msg."""
    return (
        json.dumps({"STATUS": "S", "When": 9, "Code": 131, "Msg": message, "Description": ""}).encode()
        + b"\0"
    )


LUXOS = {
    "version": json_reply(VERSION=[{"LUXminer": "2025.1.2-abc", "Type": "Antminer S21", "API": "3.7"}]),
    "summary": json_reply(
        SUMMARY=[
            {"Elapsed": 90, "GHS 5s": 190000.5, "GHS av": 180000, "GHS 24h": 1, "Accepted": 5, "Rejected": 0}
        ]
    ),
    "stats": json_reply(
        STATS=[
            {"Type": "Antminer S21"},
            {
                "fan1": 0,
                "fan2": 3120,
                "temp_chip1": "61-50-50-60",
                "temp_chip2": "0-0-0-0",
                "temp_chip3": "63-1-2-3",
            },
        ]
    ),
    "devs": json_reply(DEVS=[{"ASC": 0, "Temperature": 41.0}]),
    "pools": json_reply(POOLS=[{"URL": "stratum+tcp://a.example:1", "User": "w", "Status": "Alive"}]),
    "power": json_reply(POWER=[{"PSU": True, "Watts": 3300}]),
    "config": json_reply(
        CONFIG=[
            {
                "MACAddr": "02:00:5e:10:00:11",
                "SerialNumber": "SERIAL0001",
                "CurtailMode": "None",
                "Profile": "450MHz",
            }
        ]
    ),
}
WHATSMINER = {
    "version": INVALID_JSON,
    "summary": json_reply(
        SUMMARY=[
            {
                "Elapsed": 700,
                "HS RT": 120500000.0,
                "MHS av": 110000000.0,
                "Accepted": 12,
                "Chip Temp Avg": 74.5,
                "Chip Temp Max": 88.0,
                "Temperature": 61.0,
                "Fan Speed In": 5010,
                "Power": 3310,
                "Power Limit": 3600,
                "Power Mode": "Normal",
                "MAC": "02-00-5e-10-00-12",
            }
        ]
    ),
    "stats": INVALID_JSON,
    "devs": json_reply(DEVS=[{"ASC": 0, "Temperature": 60.0, "Rejected": 2}, {"ASC": 1, "Temperature": 62.0, "Rejected": 1}]),
    "pools": json_reply(POOLS=[{"URL": "stratum+tcp://a.example:1", "User": "w", "Stratum Active": True}]),
    "status": msg_reply(mineroff="false", FirmwareVersion="20240101.1.REL"),
    "get_version": msg_reply(fw_ver="20240202.2.REL", api_ver="2.0.5"),
    "devdetails": json_reply(DEVDETAILS=[{"DEVDETAILS": 0, "Name": "SM", "Model": "M50S_VH20"}]),
}  # fmt: skip
BRAIINS = {
    "version": json_reply(VERSION=[{"BOSminer+": "0.9.0-abc", "API": "3.7"}]),
    "summary": json_reply(SUMMARY=[{"Elapsed": 30, "MHS 5s": 13500000.0, "Accepted": 1, "Rejected": 0}]),
    "tunerstatus": json_reply(TUNERSTATUS=[{"ApproximateMinerPowerConsumption": 1240, "PowerLimit": 1300}]),
    "temps": json_reply(TEMPS=[{"Board": 50.0, "Chip": 78.0}, {"Board": 52.0, "Chip": 80.5}]),
    "fans": json_reply(FANS=[{"FAN": 0, "RPM": 2460, "Speed": 40}]),
    "devdetails": json_reply(DEVDETAILS=[{"Model": "Antminer S9"}]),
}


def forked(replies, **changes) -> Reading:
    return read_cgminer("cgminer", {**replies, **changes})


def test_a_luxos_is_read_whole():
    assert forked(LUXOS) == Reading(
        driver="cgminer",
        model="Antminer S21",
        firmware="LUXminer 2025.1.2-abc",
        hashrate_ghs=190000.5,
        power_w=3300,
        temperature_c=63.0,
        fan_rpm=3120,
        accepted=5,
        rejected=0,
        uptime_s=90,
        pool_url="stratum+tcp://a.example:1",
        pool_user="w",
        mode="450MHz",
        identity="02:00:5E:10:00:11",
        serial="SERIAL0001",
    )


@pytest.mark.parametrize(
    ("mac", "identity"),
    [
        ({}, "SERIAL0001"),
        ({"MACAddr": "00:00:00:00:00:00"}, "SERIAL0001"),
        ({"MACAddr": "02:00:5e:1\xe9:00:11"}, None),
        ({"MACAddr": 12}, None),
    ],
)
def test_a_mac_that_cannot_be_read_is_not_replaced_by_the_serial_number(
    mac: dict[str, object], identity: str | None
) -> None:
    reading = forked(LUXOS, config=json_reply(CONFIG=[{"SerialNumber": "SERIAL0001", **mac}]))
    assert (reading.identity, reading.serial) == (identity, "SERIAL0001")


@pytest.mark.parametrize("version", [None, "", []])
def test_a_firmware_without_a_version_is_no_firmware(version: object) -> None:
    assert forked(LUXOS, version=json_reply(VERSION=[{"LUXminer": version}])).firmware is None


def test_an_estimate_of_the_power_is_called_one():
    reading = forked(LUXOS, power=json_reply(POWER=[{"PSU": False, "Watts": 3300}]))
    assert reading.power_w == 3300
    assert reading.warnings == ("power is what the firmware estimates: nothing measures it",)


def test_a_curtailed_luxos_says_so():
    config = json_reply(CONFIG=[{"CurtailMode": "Sleep", "Profile": "450MHz", "SerialNumber": "SERIAL0001"}])
    reading = forked(LUXOS, config=config)
    assert (reading.mode, reading.identity) == ("sleep", "SERIAL0001")


def test_a_whatsminer_is_read_whole():
    assert forked(WHATSMINER) == Reading(
        driver="cgminer",
        model="M50S_VH20",
        firmware="20240202.2.REL",
        hashrate_ghs=120500,
        power_w=3310,
        temperature_c=74.5,
        fan_rpm=5010,
        accepted=12,
        rejected=3,
        uptime_s=700,
        pool_url="stratum+tcp://a.example:1",
        pool_user="w",
        mode="normal",
        identity="02:00:5E:10:00:12",
    )


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda summary: {"STATUS": "S", "Code": 131, "Msg": summary, "Description": ""},
        lambda summary: {"STATUS": [{"STATUS": "S", "Code": 131, "Msg": summary}]},
        lambda summary: {"STATUS": "S", "Code": 131, "Msg": {"SUMMARY": [summary]}},
    ],
)
def test_a_whatsminer_whose_summary_is_its_message_is_read_whole(wrapped):
    summary = json.loads(WHATSMINER["summary"].rstrip(b"\0"))["SUMMARY"][0]
    assert forked(WHATSMINER, summary=json.dumps(wrapped(summary)).encode() + b"\0") == forked(WHATSMINER)


@pytest.mark.parametrize("key", ["mineroff", "btmineroff"])
def test_a_stopped_whatsminer_is_off(key):
    assert forked(WHATSMINER, status=msg_reply(**{key: "true"})).mode == "off"


def test_a_braiins_os_is_read():
    reading = forked(BRAIINS)
    assert (reading.model, reading.firmware) == ("Antminer S9", "BOSminer+ 0.9.0-abc")
    assert (reading.hashrate_ghs, reading.power_w) == (13500, 1240)
    assert (reading.temperature_c, reading.fan_rpm) == (80.5, 2460)


def test_the_watts_of_the_chains_are_added_up():
    stats = json_reply(
        STATS=[{"Type": "Antminer S19 (VNish)"}, {"chain_consumption1": 1000, "chain_consumption2": "990"}]
    )
    summary = json_reply(SUMMARY=[{"GHS 5s": 95000}])
    assert read_cgminer("cgminer", {"summary": summary, "stats": stats}).power_w == 1990


@pytest.mark.parametrize(
    ("told", "power_w"), [("3250 W", 3250), ("1368.97 W (AB)", 1368.97), (990, 990), ("3.2 kW", None)]
)
def test_the_watts_of_all_chains_may_be_told_at_once(told, power_w):
    stats = json_reply(STATS=[{"Type": "Antminer S21"}, {"chain_power": told}])
    summary = json_reply(SUMMARY=[{"GHS 5s": "200123.5"}])
    assert read_cgminer("cgminer", {"summary": summary, "stats": stats}).power_w == power_w


@pytest.mark.parametrize(("told", "hottest"), [("47-34-34-52", 52), ("-5--4-12.5-9", 12.5), ("-8--9", -8)])
def test_chips_listed_in_one_text_may_be_below_zero(told, hottest):
    stats = json_reply(STATS=[{"Type": "Antminer S21"}, {"temp_chip1": told}])
    summary = json_reply(SUMMARY=[{"GHS 5s": "200123.5"}])
    assert read_cgminer("cgminer", {"summary": summary, "stats": stats}).temperature_c == hottest


@pytest.mark.parametrize("key", ["Power Limit", "Power Limit Set", "Target Power"])
def test_a_limit_is_never_taken_for_the_power(key):
    assert (
        read_cgminer("cgminer", {"summary": json_reply(SUMMARY=[{"GHS 5s": 1.0, key: 3600}])}).power_w is None
    )


@pytest.mark.parametrize(
    ("told", "hashrate_ghs", "warnings"),
    [
        ({"MHS 20s": 5000, "MHS av": 9000}, 5, 0),
        ({"KHS 5s": 2_000_000}, 2, 0),
        ({"THS 5s": "1.5"}, 1500, 0),
        ({"MHS 1m": 1000, "HS RT": 2000, "MHS 5s": 3000}, 3, 0),
        ({"MHS 15m": 1000, "MHS av": 2000}, 1, 1),
        ({"GHS 5s": "1.5K"}, None, 1),
    ],
)
def test_every_window_and_unit_is_known(told, hashrate_ghs, warnings):
    summary = json_reply(SUMMARY=[{**told, "Temperature": 50}])
    reading = read_cgminer("cgminer", {"summary": summary})
    assert reading.hashrate_ghs == hashrate_ghs
    assert len(reading.warnings) == warnings


def test_boards_that_all_say_0_while_shares_are_accepted_tell_no_hashrate():
    boards = [{"MHS 5s": 0.0, "Total MH": 0.0, "Accepted": 900, "Temperature": 60.0}]
    reading = read_cgminer("cgminer", {"devs": json_reply(DEVS=boards)})
    assert (reading.hashrate_ghs, reading.accepted) == (None, 900)


def test_no_watts_while_it_hashes_is_no_reading_of_a_meter():
    reading = read_cgminer("cgminer", {"summary": json_reply(SUMMARY=[{"GHS 5s": 10, "Power": 0}])})
    assert reading.power_w is None
    assert reading.warnings == ("power left out: 0 W while it hashes means that the meter is not read",)


def test_only_the_forks_own_questions_are_asked():
    with cgminer_device(LUXOS) as device:
        read("cgminer", device)
    assert [request.split('"')[3] for request in device.asked] == [
        "version", "summary", "stats", "devs", "pools", "power", "config",
    ]  # fmt: skip


def test_a_chain_whose_chips_have_no_sensor_has_the_temperature_of_its_board():
    temps = json_reply(TEMPS=[{"Board": 71.0, "Chip": 0.0, "ID": 6}, {"Board": 64.0, "Chip": 0.0, "ID": 7}])
    reading = forked(BRAIINS, temps=temps)
    assert reading.temperature_c == 71.0
    assert not any("temperature" in warning for warning in reading.warnings)


def test_a_slot_without_a_board_is_no_odd_temperature():
    chips = {"temp_chip1": "78-64", "temp_chip2": "80-66", "temp_chip3": "-", "temp_pcb3": "-"}
    replies = {"summary": json_reply(SUMMARY=[{"GHS 5s": 13000}]), "stats": json_reply(STATS=[chips])}
    reading = read_cgminer("cgminer", replies)
    assert (reading.temperature_c, reading.warnings) == (80.0, ())


def test_the_hashrate_of_one_board_is_not_the_machines():
    chains = [{"STATS": number, "Elapsed": 60, "MHS av": 5000000.0} for number in (0, 1, 2)]
    devices = [{"ASC": number, "MHS 5s": 4900000.0} for number in (0, 1, 2)]
    replies = {"stats": json_reply(STATS=chains), "devs": json_reply(DEVS=devices)}
    assert read_cgminer("cgminer", replies).hashrate_ghs == pytest.approx(14700)
    with pytest.raises(Misread, match="tells no hashrate"):
        read_cgminer("cgminer", {"stats": replies["stats"]})
