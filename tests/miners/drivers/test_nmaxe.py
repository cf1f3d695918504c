import pytest

from miners.drivers import Misread, Reading
from tests.miners.drivers.fixtures import GAMMA, NMAXE, read_http


def nmaxe(**parts):
    return read_http("nmaxe", api_system_info={**NMAXE, **parts})


def test_an_nmaxe_is_read_whole():
    assert nmaxe() == Reading(
        driver="nmaxe",
        model="NMAxeGammaRev2",
        firmware="v2.8.1",
        hashrate_ghs=1101.5,
        power_w=19.25,
        temperature_c=61.5,
        fan_rpm=3300,
        accepted=77,
        rejected=2,
        uptime_s=4200,
        pool_url="stratum+tcp://pool.example:3333",
        pool_user="worker.n",
        mode="normal",
    )


@pytest.mark.parametrize(
    ("miner", "mode"),
    [
        ({"state": "paused"}, "paused"),
        ({"state": "error"}, "error"),
        ({"paused": True}, "paused"),
        ({"paused": False}, "normal"),
        ({}, None),
    ],
)
def test_the_mode_is_the_devices_own(miner, mode):
    assert nmaxe(miner={"hashRate": 1.0, **miner}).mode == mode


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ({"power": {}}, "power_w"),
        ({"power": {"power": 1e6}}, "power_w"),
        ({"power": {"power": 0}}, "power_w"),
        ({"temps": {"asic": -1}}, "temperature_c"),
        ({"temps": None}, "temperature_c"),
        ({"fans": []}, "fan_rpm"),
        ({"stratum": "none"}, "pool_url"),
        ({"identity": {}}, "model"),
    ],
)
def test_what_is_odd_or_absent_is_unknown(parts, key):
    reading = nmaxe(**parts)
    assert getattr(reading, key) is None
    assert reading.hashrate_ghs == 1101.5


def test_sensors_that_all_say_0_are_not_read():
    zeros = {"power": {"power": 0, "vbus": 0, "ibus": 0}, "temps": {"asic": 0, "vcore": 0}}
    reading = nmaxe(miner={"hashRate": 0}, fans=[{"id": 0, "rpm": 0}], **zeros)
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c, reading.fan_rpm) == (
        0,
        None,
        None,
        None,
    )
    assert reading.warnings == ("power, temperature and fan left out: every sensor says 0, so none is read",)


@pytest.mark.parametrize("document", [GAMMA, {"miner": {}}, [], {"miner": 7}])
def test_another_shape_is_refused(document):
    with pytest.raises(Misread, match="another device's shape"):
        read_http("nmaxe", api_system_info=document)


def test_a_secret_is_not_kept():
    assert "do-not-keep-me" not in repr(nmaxe())


def nmminer(hashrate: float, vcore: float | None) -> Reading:
    return read_http(
        "nmaxe",
        api_system_info={
            "identity": {"hwModel": "NMMiner", "hostName": "nm-1", "fwVersion": "v2.0.1", "rssi": -50},
            "miner": {"hashRate": hashrate, "sAccepted": 1200, "sRejected": 9, "uptimeSeconds": 9000},
            "stratum": {"url": "pool.example:3333", "user": "worker.nm"},
            "temps": {"vcore": vcore, "asic": None},
        },
    )


def test_an_nmminer_tells_the_temperature_of_the_core_that_hashes():
    assert nmminer(0.0011, 48.5) == Reading(
        driver="nmaxe",
        model="NMMiner",
        firmware="v2.0.1",
        hashrate_ghs=0.0011,
        temperature_c=48.5,
        accepted=1200,
        rejected=9,
        uptime_s=9000,
        pool_url="stratum+tcp://pool.example:3333",
        pool_user="worker.nm",
    )


def test_an_nmminer_that_says_0_while_its_shares_are_accepted_is_not_idle():
    warning = "hashrate left out: an NMMiner says 0 also while it hashes"
    reading = nmminer(0.0, 48.5)
    assert (reading.hashrate_ghs, reading.temperature_c, reading.warnings) == (None, 48.5, (warning,))
    with pytest.raises(Misread, match=warning):
        nmminer(0.0, None)
