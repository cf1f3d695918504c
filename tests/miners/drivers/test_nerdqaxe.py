import pytest

from miners.drivers import Misread, Reading
from tests.miners.drivers.fixtures import DASHBOARD, V2_SYSTEM, read_http


def nerdqaxe(**parts):
    return read_http("nerdqaxe", api_v2_dashboard={**DASHBOARD, **parts}, api_v2_system=V2_SYSTEM)


def test_a_nerdqaxe_is_read_whole():
    assert nerdqaxe() == Reading(
        driver="nerdqaxe",
        model="NerdQAxe++",
        firmware="v1.1.0",
        hashrate_ghs=4800.5,
        power_w=77.5,
        temperature_c=56.5,
        fan_rpm=2100,
        accepted=900,
        rejected=4,
        uptime_s=7200,
        pool_url="stratum+tcp://a.example:3333",
        pool_user="worker.a",
        mode="normal",
        identity="02:00:5E:10:00:04",
    )


def test_the_fallback_is_the_second_pool():
    reading = nerdqaxe(stratum={**DASHBOARD["stratum"], "usingFallback": True})
    assert (reading.pool_url, reading.pool_user) == ("stratum+ssl://b.example:4444", "worker.b")


def test_a_pool_of_stratum_v2_is_called_one():
    pool = {"host": "a.example", "port": 3336, "activeProtocol": 1, "encrypted": True}
    assert nerdqaxe(stratum={"pools": [pool]}).pool_url == "stratum2+tcp://a.example:3336"


@pytest.mark.parametrize(("watts", "power_w"), [(399, 399), (401, None)])
def test_a_power_far_beyond_the_boards_own_greatest_is_not_believed(watts, power_w):
    assert nerdqaxe(power={**DASHBOARD["power"], "watts": watts}).power_w == power_w


@pytest.mark.parametrize(
    ("system", "mode"),
    [({"shutdown": True}, "shutdown"), ({"shutdown": False, "boardError": 4}, "error 4"), ({}, None)],
)
def test_the_mode_tells_a_shutdown_and_an_error(system, mode):
    assert nerdqaxe(system=system).mode == mode


def test_without_the_second_page_the_figures_stand():
    reading = read_http("nerdqaxe", api_v2_dashboard=DASHBOARD)
    assert (reading.hashrate_ghs, reading.model, reading.identity) == (4800.5, None, None)
    assert reading.warnings == ("model and identity left out: answers HTTP 404 (Not Found)",)


@pytest.mark.parametrize("thermal", [{"asicTemp": -1}, {"asicTemp": 127.0}, {}, []])
def test_no_sensor_is_no_temperature(thermal):
    assert nerdqaxe(thermal=thermal).temperature_c is None


def test_sensors_that_all_say_0_are_not_read():
    power = {"watts": 0, "max": 100, "voltage": 0.0, "currentA": 0}
    thermal = {"asicTemp": 0, "vrTemp": 0, "fans": [{"rpm": 0}]}
    reading = nerdqaxe(power=power, thermal=thermal, performance={"hashRate": 0})
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c, reading.fan_rpm) == (
        0,
        None,
        None,
        None,
    )
    assert reading.warnings == ("power, temperature and fan left out: every sensor says 0, so none is read",)


@pytest.mark.parametrize("document", [[], {}, {"performance": {}}, {"performance": 3}])
def test_another_shape_is_refused(document):
    with pytest.raises(Misread, match="another device's shape"):
        read_http("nerdqaxe", api_v2_dashboard=document)


def test_what_the_chips_are_set_to_is_read():
    reading = nerdqaxe(performance={**DASHBOARD["performance"], "frequency": 600})
    assert (reading.frequency_mhz, reading.core_voltage_mv) == (600, None)
