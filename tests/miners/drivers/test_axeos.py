import json

import pytest

from miners.drivers import Misread, Reading
from tests.miners.drivers.fixtures import GAMMA, read, read_axeos
from tests.miners.drivers.servers import http_device, http_reply

NERDQAXE = {
    "deviceModel": "NerdQAxe++",
    "ASICModel": "BM1370",
    "asicCount": 4,
    "version": "v1.0.36",
    "hashRate": 4756.3,
    "power": 78.25,
    "voltage": 11900.5,
    "temp": 54.75,
    "fanrpm": 1924,
    "sharesAccepted": 348,
    "sharesRejected": 1,
    "uptimeSeconds": 9000,
    "stratumURL": "pool.example",
    "stratumPort": 3333,
    "stratumUser": "worker.n",
    "fallbackStratumURL": "spare.example",
    "fallbackStratumPort": 4444,
    "isUsingFallbackStratum": False,
    "shutdown": False,
}


def misread(info, **paths) -> str:
    with pytest.raises(Misread) as caught:
        read_axeos(info, **paths)
    return caught.value.reason


def test_a_bitaxe_is_read_whole():
    assert read_axeos(GAMMA) == Reading(
        driver="axeos",
        model="Bitaxe Gamma 601",
        firmware="v2.14.1",
        hashrate_ghs=1052.25,
        power_w=17.5,
        temperature_c=58.5,
        fan_rpm=4210,
        accepted=120,
        rejected=3,
        uptime_s=3605,
        pool_url="stratum+tcp://pool.example:3333",
        pool_user="worker.one",
        mode="normal",
        warnings=(),
        identity="02:00:5E:10:00:01",
    )


def test_a_secret_is_not_kept():
    assert "do-not-keep-me" not in repr(read_axeos(GAMMA))


def test_the_first_firmware_tells_less_and_nothing_is_made_up():
    reading = read_axeos(
        {
            "power": 11.5,
            "voltage": 5200.0,
            "fanSpeed": 82,
            "temp": 60,
            "hashRate": 0,
            "bestDiff": "0",
            "wifiPass": "do-not-keep-me",
            "sharesAccepted": 1,
            "sharesRejected": 0,
            "uptimeSeconds": 38,
            "ASICModel": "BM1366",
            "stratumURL": "192.168.1.2",
            "stratumPort": 3333,
            "version": "2.0",
        }
    )
    assert (reading.model, reading.firmware) == ("Bitaxe BM1366", "2.0")
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c) == (0.0, 11.5, 60.0)
    assert (reading.fan_rpm, reading.mode, reading.pool_user, reading.identity) == (None, None, None, None)


@pytest.mark.parametrize(
    ("told", "fan_rpm"),
    [
        ({"fanSpeed": 4458}, 4458),  # AxeOS v2.0.0 to v2.1.3
        ({"fanSpeed": 100}, None),
        ({"fanSpeedRpm": 5123, "fanspeed": 80}, 5123),  # to v2.1.8
        ({"fanrpm": 0, "fanspeed": 80}, 0),
    ],
)
def test_the_fans_speed_has_had_three_names(told, fan_rpm):
    info = {key: value for key, value in GAMMA.items() if key != "fanrpm"}
    assert read_axeos(info | told).fan_rpm == fan_rpm


def test_a_lucky_miner_is_not_the_bitaxe_whose_board_number_it_tells():
    assert read_axeos(GAMMA | {"boardVersion": "302", "minerModel": "LV08"}).model == "LV08"


def test_a_nerdqaxe_is_read():
    reading = read_axeos(NERDQAXE)
    assert (reading.model, reading.hashrate_ghs, reading.power_w) == ("NerdQAxe++", 4756.3, 78.25)
    assert (reading.pool_url, reading.mode) == ("stratum+tcp://pool.example:3333", "normal")


def test_an_early_nerdqaxe_has_its_hashrate_elsewhere():
    info = {key: value for key, value in NERDQAXE.items() if key != "hashRate"}
    assert read_axeos(info | {"hashRate_10m": 2400.0}).hashrate_ghs == 2400.0


@pytest.mark.parametrize(
    "fallback",
    [
        {"isUsingFallbackStratum": 1},
        {"isUsingFallbackStratum": True},
        {"isUsingFallbackStratum": None, "stratum": {"usingFallback": True}},
        {"stratum": {"usingFallback": 1}},
    ],
)
def test_the_pool_in_use_is_told(fallback):
    reading = read_axeos(GAMMA | fallback)
    assert (reading.pool_url, reading.pool_user) == ("stratum+tcp://spare.example:4444", "worker.two")


@pytest.mark.parametrize(
    ("pool", "url"),
    [
        ({"stratumTLS": 1}, "stratum+ssl://pool.example:3333"),
        ({"stratumProtocol": "SV1"}, "stratum+tcp://pool.example:3333"),
        ({"stratumProtocol": "SV2"}, "stratum2+tcp://pool.example:3333"),
        ({"stratumProtocol": 1, "stratumTLS": False}, "stratum2+tcp://pool.example:3333"),
        ({"stratumURL": "stratum+tcp://pool.example"}, "stratum+tcp://pool.example:3333"),
        ({"stratumURL": "stratum+tcp://pool.example:700"}, "stratum+tcp://pool.example:700"),
        ({"stratumPort": None}, "stratum+tcp://pool.example"),
        ({"stratumPort": "3333"}, "stratum+tcp://pool.example:3333"),
        ({"stratumPort": -5}, "stratum+tcp://pool.example"),
        ({"stratumPort": "abc"}, "stratum+tcp://pool.example"),
        ({"stratumURL": ""}, None),
    ],
)
def test_a_pool_is_one_url(pool, url):
    assert read_axeos(GAMMA | pool).pool_url == url


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ({"miningPaused": True}, "paused"),
        ({"miningPaused": 1}, "paused"),
        ({"overheat_mode": 1}, "overheat"),
        ({"overheat_mode": 1, "miningPaused": True}, "overheat"),
        ({"shutdown": True}, "shutdown"),
        ({}, "normal"),
    ],
)
def test_the_mode_is_the_devices_own(flags, mode):
    assert read_axeos(GAMMA | flags).mode == mode


@pytest.mark.parametrize(
    ("board", "model"),
    [
        ("401", "Bitaxe Supra 401"),
        ("302", "Bitaxe Hex 302"),
        ("701", "Bitaxe Supra Hex 701"),
        ("Bitaxe X", "Bitaxe X"),
    ],
)
def test_the_board_tells_the_model(board, model):
    assert read_axeos(GAMMA | {"boardVersion": board}).model == model


@pytest.mark.parametrize(
    ("asic", "model"),
    [
        (http_reply(b'{"deviceModel": "Omega", "asicCount": 1}'), "Bitaxe Omega 901"),
        (http_reply(b'{"deviceModel": "NerdQAxe+"}'), "NerdQAxe+"),
        (http_reply(b'{"asicCount": 1}'), "AxeOS BM1370 901"),
        (http_reply(b"", "302 Found", "Location: /\r\n"), "AxeOS BM1370 901"),
        (http_reply(b"<html>"), "AxeOS BM1370 901"),
        (http_reply(b"[]"), "AxeOS BM1370 901"),
        (http_reply(b"", "404 Not Found"), "AxeOS BM1370 901"),
    ],
)
def test_an_unknown_board_is_asked_for_and_may_not_answer(asic, model):
    assert read_axeos(GAMMA | {"boardVersion": "901"}, asic=asic).model == model


def test_a_known_board_is_not_asked_twice():
    with http_device({"/api/system/info": http_reply(json.dumps(GAMMA).encode())}) as device:
        read("axeos", device)
    assert device.asked == ["/api/system/info"]


def test_numbers_as_strings_are_numbers():
    reading = read_axeos(GAMMA | {"hashRate": "1000.5", "sharesAccepted": "7"})
    assert (reading.hashrate_ghs, reading.accepted) == (1000.5, 7)


@pytest.mark.parametrize(
    ("odd", "key"),
    [
        ({"power": -4.0}, "power_w"),
        ({"power": "abc"}, "power_w"),
        ({"power": 655.35}, "power_w"),
        ({"power": 655.35, "boardVersion": "302"}, "power_w"),
        ({"power": 170, "maxPower": 40, "boardVersion": "0.11"}, "power_w"),
        ({"power": 0.0, "voltage": 0.0}, "power_w"),
        ({"power": 0.0, "voltage": -40.0, "hashRate": 0}, "power_w"),
        ({"temp": -1}, "temperature_c"),
        ({"temp": 0.0}, "temperature_c"),
        ({"hashRate": 18446744073.7}, "hashrate_ghs"),
        ({"hashRate": -3}, "hashrate_ghs"),
        ({"fanrpm": -1}, "fan_rpm"),
        ({"sharesAccepted": -1}, "accepted"),
        ({"uptimeSeconds": {}}, "uptime_s"),
    ],
)
def test_an_odd_value_is_unknown_and_the_rest_stands(odd, key):
    reading = read_axeos(GAMMA | odd)
    assert getattr(reading, key) is None
    assert len(reading.warnings) == 1
    assert reading.rejected == 3


def test_what_the_miner_itself_says_is_wrong_is_a_warning():
    reading = read_axeos(GAMMA | {"hashRate": 0, "power_fault": "OVER TEMPERATURE", "hardware_fault": 0})
    assert reading.warnings == ("the miner says power fault: OVER TEMPERATURE",)


@pytest.mark.parametrize(
    ("can", "power_w"),
    [({"enabled": True, "fleetPower": 312.5}, 312.5), ({"enabled": False}, 78.25), (None, 78.25)],
)
def test_a_nerdqaxe_that_tells_the_hashrate_of_others_tells_their_power(can, power_w):
    assert read_axeos(NERDQAXE | {"maxPower": 70, "can": can}).power_w == power_w


@pytest.mark.parametrize("more", [{"maxPower": 40}, {"maxPower": 0}, {"boardVersion": "999"}])
def test_a_board_that_is_driven_hard_is_believed(more):
    assert read_axeos(GAMMA | {"deviceModel": "Gamma", "power": 61.5} | more).power_w == 61.5


def test_a_reply_with_nan_latin1_and_a_lost_comma_is_read():
    reading = read_axeos(
        b'{"ASICModel": "BM1370" "boardVersion": "601", "hashRate": 1000.5, "power": nan, '
        b'"stratumURL": "p.example", "stratumUser": "caf\xe9",}\0'
    )
    assert (reading.hashrate_ghs, reading.power_w, reading.pool_user) == (1000.5, None, "café")


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ([1, 2], "another device's shape (JSON, but no object)"),
        (
            {"power": {"power": 12.5}, "miner": {"hashRate": 720}, "asic": {"model": "BM1370"}},
            "another device's shape (NMAxe's nested objects, not AxeOS)",
        ),
        (
            {"deviceModel": "NerdQAxe+", "network": {"macAddr": "02:00:5e:10:00:03"}},
            "another device's shape (NerdQAxe's /api/v2, not AxeOS)",
        ),
        ({"STATUS": []}, "another device's shape (JSON without AxeOS's ASICModel and hashRate)"),
        ({}, "another device's shape (JSON without AxeOS's ASICModel and hashRate)"),
        *(
            (shape, "another device's shape (a NerdMiner's, whose hashRate is in kH/s, not AxeOS)")
            for shape in (
                {"deviceModel": "NerdMiner v2", "hashRate": 312.5, "temp": 48.0, "power": 1.5},
                {"ASICModel": "ESP32", "khash": 312.5, "hashRate": 312.5},
            )
        ),
        (b"<!DOCTYPE html>", "answers HTML, not AxeOS"),
        (b'{"ASICModel": "BM1370", "hashRate": 10', "JSON cut off after 38 bytes"),
        (b"", "empty answer"),
        (b"\0", "empty answer"),
    ],
)
def test_another_shape_is_refused_with_the_reason(info, reason):
    assert misread(info) == reason


def test_a_device_that_tells_nothing_usable_is_refused():
    reason = misread({"ASICModel": "BM1370", "hashRate": "?", "boardVersion": "601"})
    assert reason == "tells no hashrate, power or temperature (hashrate left out: '?' is not a number)"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (http_reply(b"no", "404 Not Found"), "answers HTTP 404 (Not Found)"),
        (http_reply(b"", "401 Unauthorized"), "answers HTTP 401 (Unauthorized)"),
        (http_reply(b"", "302 Found", "Location: /login\r\n"), "redirects to /login"),
        (http_reply(b"", "302 Found", "Location: /a\x00\x1b[31mb\r\n"), "redirects to /a [31mb"),
        (http_reply(b'{"hashRate"', length=900), "answer cut off"),
        (http_reply(b" " * 1_100_000), "answer is longer than 1048576 bytes"),
    ],
)
def test_another_web_server_is_refused_with_the_reason(reply, reason):
    with http_device({"/api/system/info": reply}) as device, pytest.raises(Misread) as caught:
        read("axeos", device)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"frequency": 525, "coreVoltage": 1150}, (525, 1150)),
        ({"frequency": "606.25", "coreVoltage": "1166"}, (606.25, 1166)),
        ({"frequency": 0, "coreVoltage": 0}, (None, None)),
        ({"frequency": -1, "coreVoltage": 1e9}, (None, None)),
        ({"frequency": "fast", "coreVoltage": None}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_what_the_chips_are_set_to_is_read(told, read):
    reading = read_axeos({**GAMMA, **told})
    assert (reading.frequency_mhz, reading.core_voltage_mv) == read


FLAT_NMAXE = {
    "power": 15.5, "voltage": 5080, "current": 3050, "temp": 55.5, "hashRate": 480.25, "coreVoltage": 1200, "frequency": 525,
    "sharesAccepted": 12, "sharesRejected": 1, "uptimeSeconds": 900, "asicCount": 1, "ASICModel": "BM1366", "version": "v2.5.31",
    "boardVersion": "NMAxe", "overheat_mode": 0, "fanrpm": 4100,
    "stratumURLUSED": "stratum+ssl://used.example:3334", "stratumUserUSED": "worker.n",
    "stratumURL1": "stratum+tcp://first.example:3333", "stratumUser1": "other", "stratumPassword1": "do-not-keep-me",
}  # fmt: skip


def test_an_nmaxe_before_its_nested_answer_is_read_with_the_pool_in_use():
    reading = read_axeos(FLAT_NMAXE)
    assert (reading.driver, reading.model, reading.firmware) == ("axeos", "NMAxe", "v2.5.31")
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c) == (480.25, 15.5, 55.5)
    assert (reading.pool_url, reading.pool_user) == ("stratum+ssl://used.example:3334", "worker.n")
    assert "do-not-keep-me" not in repr(reading)


def test_an_uptime_that_is_a_time_of_day_is_none():
    reading = read_axeos({**FLAT_NMAXE, "uptimeSeconds": 1_765_000_000})
    assert reading.uptime_s is None
    assert "uptime left out: 1.765e+09 is impossible" in reading.warnings
