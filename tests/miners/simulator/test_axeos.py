"""AxeOS and NerdQAxe++ over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from miners.simulator.axeos_fields import suffixed
from tests.miners.simulator.harness import Running, device_named, running

SINCE_V2_11 = {"errorPercentage", "hashrateMonitor", "blockHeight", "ipv4"}
SINCE_V2_12 = {"hashRate_1m", "hashRate_10m", "hashRate_1h"}
SINCE_V2_14 = {"miningPaused", "actualFrequency", "stratumProtocol"}
ALWAYS = {
    *(
        "power",
        "voltage",
        "current",
        "temp",
        "vrTemp",
        "hashRate",
        "expectedHashrate",
        "frequency",
        "coreVoltage",
    ),
    *(
        "sharesAccepted",
        "sharesRejected",
        "uptimeSeconds",
        "stratumPort",
        "poolDifficulty",
        "fanrpm",
        "fanspeed",
    ),
}


@pytest.fixture
def gamma() -> Iterator[Running]:
    """The newest firmware."""
    with running(device_named("gamma-1")) as (device,):
        yield device


@pytest.fixture
def nerdqaxe() -> Iterator[Running]:
    with running(device_named("nerdqaxe-1")) as (device,):
        yield device


@pytest.mark.parametrize("version", ["v2.9.0", "v2.10.1", "v2.11.0", "v2.12.2", "v2.13.0", "v2.14.0"])
def test_fields_and_types_are_those_of_the_firmware(version: str) -> None:
    with running(replace(device_named("gamma-1"), firmware=version)) as (device,):
        info = device.info()
    minor = int(version.split(".")[1])
    assert info["version"] == version
    assert info["ASICModel"] == "BM1370"
    assert info["boardVersion"] == "601"
    assert all(isinstance(info[name], int | float) and not isinstance(info[name], bool) for name in ALWAYS)
    assert type(info["bestDiff"]) is (str if minor < 11 else int)
    assert info["isUsingFallbackStratum"] == 0
    assert not isinstance(info["isUsingFallbackStratum"], bool)
    for names, since in ((SINCE_V2_11, 11), (SINCE_V2_12, 12), (SINCE_V2_14, 14)):
        assert names & info.keys() == (names if minor >= since else set())
    assert "asicCount" not in info
    assert ("poolAddrFamily" in info) == (minor in (11, 12))


def test_the_figures_are_the_machines_in_the_firmwares_units(gamma: Running) -> None:
    info = gamma.info()
    sample = gamma.device.machine.sample(gamma.clock.time)
    assert info["hashRate"] == pytest.approx(sample.hashrate_ghs, rel=1e-6)
    assert info["power"] == pytest.approx(sample.power_w, abs=0.01)
    assert info["voltage"] * info["current"] / 1e6 == pytest.approx(info["power"], rel=0.001)
    assert 4900 < info["voltage"] < 5200
    assert info["coreVoltage"] == 1150
    assert info["frequency"] == 600


def test_the_mac_is_locally_administered_and_each_devices_own() -> None:
    with running(device_named("gamma-1"), device_named("gamma-3")) as devices:
        first, second = (device.info() for device in devices)
    assert first["macAddr"].startswith("02:")
    assert len(first["macAddr"]) == 17
    assert first["macAddr"] != second["macAddr"]
    assert (first["hostname"], second["hostname"]) == ("gamma-1", "gamma-3")


def test_the_board_is_described(gamma: Running) -> None:
    asic = gamma.get("/api/system/asic").json()
    assert asic["deviceModel"] == "Gamma"
    assert asic["asicCount"] == 1
    assert asic["defaultFrequency"] in asic["frequencyOptions"]
    assert asic["defaultVoltage"] in asic["voltageOptions"]


def test_statistics_are_the_last_half_hour_and_agree_with_info(gamma: Running) -> None:
    statistics = gamma.get("/api/system/statistics").json()
    assert len(statistics["statistics"]) == 60
    newest = dict(zip(statistics["labels"], statistics["statistics"][-1], strict=True))
    assert newest["timestamp"] == statistics["currentTimestamp"]
    assert newest["hashrate"] == pytest.approx(gamma.info()["hashRate"], abs=0.01)
    stamps = [row[-1] for row in statistics["statistics"]]
    assert stamps == sorted(stamps)


def test_frequency_and_voltage_are_obeyed(gamma: Running) -> None:
    assert gamma.patch({"frequency": 400, "coreVoltage": 1100}).status_code == 200
    gamma.clock.time += 600
    info = gamma.info()
    assert (info["frequency"], info["coreVoltage"]) == (400, 1100)
    assert 770 < info["hashRate"] < 850
    assert 10 < info["power"] < 13


def test_a_fan_is_set_by_hand_and_given_back(gamma: Running) -> None:
    automatic = gamma.info()["fanspeed"]
    gamma.patch({"autofanspeed": 0, "fanspeed": 80})
    assert (gamma.info()["autofanspeed"], gamma.info()["fanspeed"]) == (0, 80)
    gamma.patch({"autofanspeed": 1})
    gamma.clock.time += 600
    assert gamma.info()["autofanspeed"] == 1
    assert gamma.info()["fanspeed"] == pytest.approx(automatic, abs=3)


def test_pool_and_hostname_are_set(gamma: Running) -> None:
    gamma.patch({"stratumURL": "new.example", "stratumPort": 4444, "stratumUser": "me", "hostname": "attic"})
    info = gamma.info()
    assert (info["stratumURL"], info["stratumPort"], info["stratumUser"]) == ("new.example", 4444, "me")
    assert info["hostname"] == "attic"
    assert info["fallbackStratumURL"] == "backup.pool.example"


@pytest.mark.parametrize(
    "orders",
    [
        {"frequency": 5000},
        {"frequency": "fast"},
        {"frequency": True},
        {"frequency": None},
        {"coreVoltage": 3000},
        {"fanspeed": 101},
        {"fanspeed": -1},
        {"stratumPort": 0},
        {"stratumURL": ""},
        {"stratumURL": 7},
        {"hostname": "x" * 300},
        {"frequency": 500, "coreVoltage": 1},
        ["frequency", 500],
    ],
    ids=str,
)
def test_nonsense_is_refused_and_changes_nothing(gamma: Running, orders: object) -> None:
    before = gamma.info()
    assert gamma.patch(orders).status_code == 400
    assert gamma.info() == before


@pytest.mark.parametrize("body", [b"", b"{", b"frequency=500", b"\xff\xfe", b"[" * 20_000])
def test_a_body_that_is_no_json_is_refused(gamma: Running, body: bytes) -> None:
    response = requests.patch(gamma.url("/api/system"), data=body, timeout=10)
    assert response.status_code == 400


def test_pause_and_resume(gamma: Running) -> None:
    assert gamma.post("/api/system/pause").status_code == 200
    gamma.clock.time += 60
    paused = gamma.info()
    assert (paused["hashRate"], paused["miningPaused"]) == (0, True)
    assert paused["power"] < 3
    assert gamma.post("/api/system/resume").status_code == 200
    gamma.clock.time += 120
    assert gamma.info()["hashRate"] > 1100
    assert gamma.info()["miningPaused"] is False


@pytest.mark.parametrize(
    ("version", "identify", "pause"),
    [("v2.11.0", 405, 405), ("v2.12.2", 200, 405), ("v2.13.0", 200, 405), ("v2.14.0", 200, 200)],
)
def test_old_firmware_cannot_pause(version: str, identify: int, pause: int) -> None:
    with running(replace(device_named("gamma-1"), firmware=version)) as (device,):
        assert device.post("/api/system/identify").status_code == identify
        assert device.post("/api/system/resume").status_code == pause
        assert device.post("/api/system/pause").status_code == pause
        device.clock.time += 60
        assert (device.info()["hashRate"] == 0) == (pause == 200)


def test_a_restart_is_dark_for_a_while_and_resets_the_counters(gamma: Running) -> None:
    before = gamma.info()
    assert "restart" in gamma.post("/api/system/restart").text
    gamma.clock.time += 5
    with pytest.raises(requests.ConnectionError):
        gamma.info()
    gamma.clock.time += 120
    after = gamma.info()
    assert after["sharesAccepted"] < 30 < before["sharesAccepted"]
    assert after["uptimeSeconds"] < 120 < before["uptimeSeconds"]
    assert after["bestDiff"] >= before["bestDiff"] > after["bestSessionDiff"]


def test_other_addresses_lead_to_the_web_page(gamma: Running) -> None:
    unknown = gamma.get("/api/v2/system")
    assert (unknown.status_code, unknown.headers["Location"]) == (302, "/")
    page = gamma.get("/")
    assert page.headers["Content-Type"] == "text/html"
    assert "<html>" in page.text


def test_nerdqaxe_has_its_own_fields(nerdqaxe: Running) -> None:
    info = nerdqaxe.info()
    assert info["deviceModel"] == "NerdQAxe++"
    assert info["asicCount"] == 4
    assert info["isUsingFallbackStratum"] is False
    assert info["isStratumConnected"] is True
    assert isinstance(info["bestDiff"], str)
    assert {"boardVersion", "axeOSVersion", "expectedHashrate"}.isdisjoint(info)
    assert info["voltage"] * info["current"] / 1e6 == pytest.approx(info["power"], rel=0.001)
    assert 4600 < info["hashRate"] < 4950
    assert 75 < info["power"] < 82
    assert nerdqaxe.get("/api/system/asic").json()["asicCount"] == 4


def test_newer_nerdqaxe_nests_its_pools() -> None:
    with running(replace(device_named("nerdqaxe-1"), firmware="v1.0.36")) as (device,):
        info = device.info()
    assert "isUsingFallbackStratum" not in info
    assert info["stratum"]["usingFallback"] is False
    assert info["stratum"]["pools"][0]["accepted"] == info["sharesAccepted"]


def test_nerdqaxe_obeys_and_cannot_pause(nerdqaxe: Running) -> None:
    assert nerdqaxe.post("/api/system/pause").status_code == 405
    assert nerdqaxe.patch({"frequency": 500}).status_code == 200
    nerdqaxe.clock.time += 600
    assert 3900 < nerdqaxe.info()["hashRate"] < 4200


def test_nerdqaxe_shuts_down_until_it_is_restarted(nerdqaxe: Running) -> None:
    nerdqaxe.post("/api/system/shutdown")
    nerdqaxe.clock.time += 60
    assert nerdqaxe.info()["hashRate"] == 0
    nerdqaxe.post("/api/system/restart")
    nerdqaxe.clock.time += 300
    assert nerdqaxe.info()["hashRate"] > 4500


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (483_000, "483k"),
        (2_750_000, "2.75M"),
        (41_230_000_000, "41.2G"),
        (7.1e12, "7.10T"),
    ],
)
def test_difficulties_of_old_firmware(value: float, text: str) -> None:
    assert suffixed(value) == text
