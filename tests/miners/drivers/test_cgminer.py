import pytest

from miners.drivers import Misread, Reading
from tests.miners.drivers.fixtures import Q_TEXT, avalon_replies, json_reply, read_cgminer

ANTMINER = {
    "version": json_reply(VERSION=[{"BMMiner": "1.0.0", "Miner": "49.0.1.3", "Type": "Antminer S19"}]),
    "summary": json_reply(
        SUMMARY=[{"Elapsed": 500, "GHS 5s": "95001.5", "GHS av": 96000, "Accepted": 10, "Rejected": 1}]
    ),
    "stats": json_reply(STATS=[{"BMMiner": "1.0.0"}, {"STATS": 0, "fan1": 4200, "fan2": 0}]),
    "devs": json_reply(DEVS=[{"ASC": 0, "Temperature": 0.0}, {"ASC": 1, "Temperature": 61.0}]),
    "pools": json_reply(POOLS=[{"URL": "stratum+tcp://a.example:1", "User": "w", "Status": "Alive"}]),
}


def test_an_antminer_is_read_whole():
    assert read_cgminer("cgminer", ANTMINER) == Reading(
        driver="cgminer",
        model="Antminer S19",
        firmware="BMMiner 1.0.0",
        hashrate_ghs=95001.5,
        power_w=None,
        temperature_c=61.0,
        fan_rpm=4200,
        accepted=10,
        rejected=1,
        uptime_s=500,
        pool_url="stratum+tcp://a.example:1",
        pool_user="w",
        mode=None,
        warnings=("temperature left out: 0 °C means no sensor",),
    )


@pytest.mark.parametrize(
    ("told", "hashrate_ghs"),
    [
        ({"GHS 5s": 100, "GHS av": 900}, 100),
        ({"MHS 5s": "100000", "MHS av": 900000}, 100),
        ({"MHS 5s": 0, "MHS av": 900000}, 0),
        ({"MHS 1m": 3000, "MHS 30s": 2000, "MHS av": 1}, 2),
        ({"GHS 5s": "", "GHS 1m": 4}, 4),
    ],
)
def test_the_hashrate_is_the_current_one(told, hashrate_ghs):
    reading = read_cgminer("cgminer", {"summary": json_reply(SUMMARY=[told])})
    assert reading.hashrate_ghs == hashrate_ghs
    assert reading.warnings == ()


def test_an_unusable_hashrate_is_not_replaced_by_an_average():
    summary = json_reply(SUMMARY=[{"GHS 5s": "-", "GHS av": 900}])
    reading = read_cgminer("cgminer", ANTMINER | {"summary": summary})
    assert reading.hashrate_ghs is None


def test_an_average_is_called_one():
    reading = read_cgminer("cgminer", {"summary": json_reply(SUMMARY=[{"MHS av": 4000000.0}])})
    assert reading.hashrate_ghs == 4000
    assert reading.warnings == ("hashrate is the average since the start: the miner tells no other",)


def test_the_hashrate_may_be_in_the_stats_alone_with_a_lost_comma():
    stats = b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer S9"}{"GHS 5s":"13301.5","Elapsed":9}],"id":1}\0'
    reading = read_cgminer("cgminer", {"stats": stats})
    assert (reading.model, reading.hashrate_ghs, reading.uptime_s) == ("Antminer S9", 13301.5, 9)


def test_an_avalon_is_read_too():
    reading = read_cgminer("cgminer", avalon_replies())
    assert (reading.model, reading.hashrate_ghs, reading.accepted) == ("Avalon Q", 88000.0, 40)


TEXT = {
    "version": b"STATUS=S,Msg=v|VERSION,CGMiner=4.3.5,Type=Oldie|\0",
    "summary": b"STATUS=S,Msg=s|SUMMARY,Elapsed=33,MHS 5s=5000.0,Accepted=4,Rejected=1|\0",
    "stats": b"STATUS=S,Msg=s|STATS=0,ID=X,fan1=3000|\0",
    "devs": b"STATUS=S,Msg=d|ASC=0,Temperature=55.5|\0",
    "pools": b"STATUS=S,Msg=p|POOL=0,URL=a.example,User=w,Status=Alive|\0",
}


def test_a_miner_that_refuses_json_is_asked_in_text():
    reading = read_cgminer("cgminer", TEXT, reads_json=False)
    assert (reading.model, reading.firmware, reading.hashrate_ghs) == ("Oldie", "CGMiner 4.3.5", 5.0)
    assert (reading.temperature_c, reading.fan_rpm, reading.uptime_s) == (55.5, 3000, 33)
    assert (reading.pool_url, reading.pool_user) == ("a.example", "w")


def test_a_miner_that_refuses_text_is_asked_in_json():
    replies = {name: reply for name, reply in ANTMINER.items() if name != "version"}
    reading = read_cgminer("cgminer", replies, reads_text=False)
    assert (reading.model, reading.hashrate_ghs) == (None, 95001.5)


def test_a_miner_that_refuses_everything_is_refused():
    with pytest.raises(Misread) as caught:
        read_cgminer("cgminer", {})
    assert caught.value.reason == (
        "tells no hashrate, power or temperature (summary left out: the miner gives none (Invalid command))"
    )


def test_a_broken_summary_is_a_misread_not_a_zero():
    with pytest.raises(Misread, match="JSON cut off after 60 bytes"):
        read_cgminer("cgminer", ANTMINER | {"summary": ANTMINER["summary"][:60]})


def test_broken_stats_leave_the_figures():
    reading = read_cgminer("cgminer", ANTMINER | {"stats": Q_TEXT.encode()[:-1]})
    assert reading.hashrate_ghs == 95001.5
    assert "stats left out: answer is not JSON" in reading.warnings


@pytest.mark.parametrize(
    ("version", "firmware"),
    [
        ({"Miner": "bfgminer 5.5.0-x", "CGMiner": "5.5.0-x", "API": "3.1"}, "bfgminer 5.5.0-x"),
        ({"Miner": "16.8.1.3", "BMMiner": "1.0.0"}, "BMMiner 1.0.0"),
    ],
)
def test_a_fork_that_tells_its_own_name_is_called_by_it(version, firmware):
    assert read_cgminer("cgminer", ANTMINER | {"version": json_reply(VERSION=[version])}).firmware == firmware
