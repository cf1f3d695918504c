from typing import Any

import pytest

from miners.drivers import Misread, Reading
from miners.identity import stranger
from tests.miners.drivers.fixtures import Q_TEXT, avalon_replies, json_reply, read, read_cgminer
from tests.miners.drivers.servers import INVALID_JSON, cgminer_device


def test_a_q_is_read_whole():
    assert read_cgminer("avalon", avalon_replies()) == Reading(
        driver="avalon",
        model="Avalon Q",
        firmware="25010101_aaaa",
        hashrate_ghs=88100.5,
        power_w=1610,
        temperature_c=71,
        fan_rpm=1900,
        accepted=40,
        rejected=2,
        uptime_s=610,
        pool_url="stratum+tcp://b.example:2",
        pool_user="worker.q",
        mode="standard",
        warnings=(),
        identity="02:00:5E:10:00:02",
    )


def test_a_secret_is_not_kept():
    assert "do-not-keep-me" not in repr(read_cgminer("avalon", avalon_replies()))


@pytest.mark.parametrize(
    ("version", "model", "power_w"),
    [
        ({"PROD": "Avalon Nano3s", "MODEL": "Nano3s"}, "Avalon Nano 3S", 106),
        ({"PROD": "Avalonnano", "MODEL": "nano3"}, "Avalon Nano 3", 105),
        ({"PROD": "Avalon Mini3", "MODEL": "Mini3"}, "Avalon Mini 3", 104),
        ({"PROD": "Avalon Q", "MODEL": "Q"}, "Avalon Q", 104),
        ({"PROD": "AvalonMiner 1246", "MODEL": "1246"}, "AvalonMiner 1246", 104),
        ({"PROD": "AvalonMiner 15-194", "MODEL": "15-194"}, "AvalonMiner 15-194", 104),
        ({"PROD": "AvalonMiner A1566", "MODEL": "A1566"}, "AvalonMiner A1566", 104),
    ],
)
def test_the_watts_are_where_the_model_has_them(version, model, power_w):
    text = "Ver[X] TAvg[70] PS[100 101 102 103 104 105 106] GHSspd[5000] MPO[800]"
    reading = read_cgminer("avalon", avalon_replies(text, **version))
    assert (reading.model, reading.power_w) == (model, power_w)


def test_a_series_in_plain_text_is_read_by_its_sums():
    """Commas and a stroke stand within the values; no PROD, and a series with a word to its number."""
    stats = (
        "STATUS=S,When=4321,Code=70,Msg=CGMiner stats,Description=cgminer 4.11.1|STATS=0,ID=AVA100,Elapsed=4321,"
        "MM ID0=Ver[1126Pro-S-1] DNA[0201000012345678] SYSTEMSTATU[Work: In Work, Hash Board: 2 ] Elapsed[4321]BOOTBY[1] "
        "TMax[79] TAvg[68] Fan1[5800] PS[0 1210 1300 250 3250 1302 3555] GHSspd[61500.5] Led[0],MM Count=1|\0"
    )
    replies = {"version": b"STATUS=S,When=1,Code=22,Msg=x|VERSION,CGMiner=4.11.1|\0", "stats": stats.encode()}
    reading = read_cgminer("avalon", replies, reads_json=False)
    assert (reading.model, reading.power_w, reading.hashrate_ghs) == ("AvalonMiner 1126Pro", 3250, 61500.5)
    assert (reading.uptime_s, reading.identity, reading.temperature_c) == (4321, "0201000012345678", 68)


def test_a_nano_3_that_begins_with_another_field_is_known_and_its_volts_are_no_watts():
    text = "HashStatus[1] Ver[nano3-1] Elapsed[500] TAvg[88] Fan1[4800] GHSspd[3990.5] PS[0 0 0 5 2700 120 310] WORKLEVEL[2]"
    reading = read_cgminer("avalon", avalon_replies(text, PROD="Avalonnano", MODEL="nano3"))
    assert (reading.model, reading.power_w, reading.mode) == ("Avalon Nano 3", 120, "high")


def test_the_watts_of_an_unknown_model_are_not_guessed():
    replies = avalon_replies(
        "Ver[9999-1] PS[1 2 3 4 5 6 7] GHSspd[5000]", PROD="AvalonMiner 9999", MODEL="9999"
    )
    reading = read_cgminer("avalon", replies)
    assert reading.power_w is None
    assert reading.warnings == ("power left out: where this model has its watts is not known",)


def test_what_the_meter_at_the_wall_sees_goes_first():
    assert read_cgminer("avalon", avalon_replies(Q_TEXT + " WALLPOWER[1702]")).power_w == 1702


def test_a_setting_is_never_taken_for_the_power():
    reading = read_cgminer("avalon", avalon_replies("Ver[Q-1] GHSspd[100] PS[0 1 2] MPO[800]"))
    assert reading.power_w is None


def test_a_sleeping_q_hashes_nothing_now():
    text = (
        "'STATS':{Ver[Q-1] SYSTEMSTATU[Work: In Idle, Hash Board: 1] TMax[0] TAvg[0] Fan1[0] "
        "PS[0 1221 4 0 0 2245 146] GHSspd[0.00] GHSavg[44350.83] SoftOFF[4] WORKMODE[0] MPO[800]}"
    )
    summary = json_reply(
        SUMMARY=[{"Elapsed": 9, "MHS av": 44539601.8, "MHS 5s": 0.0, "Accepted": 1, "Rejected": 0}]
    )
    reading = read_cgminer("avalon", avalon_replies(text) | {"summary": summary})
    assert (reading.hashrate_ghs, reading.power_w, reading.mode) == (0.0, 0.0, "idle")
    assert (reading.temperature_c, reading.fan_rpm) == (None, 0)


@pytest.mark.parametrize(
    ("model", "number", "mode"),
    [
        ("Nano3s", 0, "low"),
        ("Nano3s", 2, "high"),
        ("Q", 0, "eco"),
        ("Q", 2, "super"),
        ("Q", 7, "workmode 7"),
        ("Mini3", 1, "mining"),
        ("Q", "", None),
    ],
)
def test_a_work_mode_has_the_models_name(model, number, mode):
    replies = avalon_replies(f"Ver[{model}-1] GHSspd[100] WORKMODE[{number}]", MODEL=model)
    assert read_cgminer("avalon", replies).mode == mode


def test_without_stats_the_summary_gives_the_current_hashrate_and_power_is_unknown():
    replies = avalon_replies()
    del replies["estats"]
    reading = read_cgminer("avalon", replies)
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c) == (88000.0, None, None)
    assert reading.warnings == ("power, temperature and fan left out: the miner gives no stats",)


@pytest.mark.parametrize("command", ["stats", "litestats"])
def test_stats_are_found_under_their_other_names(command):
    replies = avalon_replies()
    replies[command] = replies.pop("estats")
    assert read_cgminer("avalon", replies).power_w == 1610


def test_without_summary_the_devices_are_added_up():
    replies = avalon_replies()
    del replies["estats"]
    replies["summary"] = INVALID_JSON
    replies["devs"] = json_reply(DEVS=[{"MHS 30s": 1000.0, "Accepted": 3}, {"MHS 30s": "500", "Accepted": 4}])
    reading = read_cgminer("avalon", replies)
    assert (reading.hashrate_ghs, reading.accepted, reading.rejected) == (1.5, 7, None)


def test_several_modules_are_one_miner():
    rows = [{"MM ID0": "Ver[1246-1] GHSspd[100] TAvg[60] PS[0 0 0 0 50 0 0]"}]
    rows.append({"MM ID1": "Ver[1246-1] GHSspd[200] TAvg[70] PS[0 0 0 0 60 0 0]"})
    replies = avalon_replies(PROD="AvalonMiner 1246", MODEL="1246") | {"estats": json_reply(STATS=rows)}
    reading = read_cgminer("avalon", replies)
    assert (reading.hashrate_ghs, reading.power_w, reading.temperature_c) == (300, 110, 70)


def test_modules_of_the_same_number_on_two_controllers_are_two():
    rows = [{"MM ID1": f"Ver[1066-1] DNA[010203040506070{n}] GHSspd[100] PS[0 0 0 0 50 0]"} for n in (1, 2)]
    replies = avalon_replies(PROD="AvalonMiner 1066", MODEL="1066") | {"estats": json_reply(STATS=rows)}
    assert read_cgminer("avalon", replies).hashrate_ghs == 200


@pytest.mark.parametrize(
    ("state", "totals", "hashrate_ghs"),
    [
        ("In Work", {"MHS 5s": 51_000_000.0, "MHS av": 1.0}, 51_000),
        ("In Work", {"MHS 5s": 0.0, "MHS av": 51_000_000.0}, 0),
        ("In Work", {"MHS av": 51_000_000.0}, 0),
        ("In Idle", {"MHS 5s": 51_000_000.0}, 0),
    ],
)
def test_a_hashrate_that_firmware_leaves_at_0_is_that_of_the_summary(state, totals, hashrate_ghs):
    text = f"Ver[1066-50-1] SYSTEMSTATU[Work: {state}, Hash Board: 3 ] TAvg[55] GHSspd[0.00] GHSavg[50000.0]"
    replies = avalon_replies(text, PROD="AvalonMiner 1066", MODEL="1066") | {
        "summary": json_reply(SUMMARY=[totals])
    }
    reading = read_cgminer("avalon", replies)
    assert (reading.hashrate_ghs, len(reading.warnings)) == (hashrate_ghs, int(hashrate_ghs > 0))


def test_part_of_a_sum_is_not_the_sum():
    rows = [{"MM ID0": "Ver[1246-1] GHSspd[100] TAvg[60]", "MM ID1": "Ver[1246-1] GHSspd[nan] TAvg[70]"}]
    replies = avalon_replies(PROD="AvalonMiner 1246", MODEL="1246") | {"estats": json_reply(STATS=rows)}
    reading = read_cgminer("avalon", replies)
    assert reading.hashrate_ghs is None
    assert reading.temperature_c == 70


def test_the_stats_alone_tell_an_avalon():
    reading = read_cgminer(
        "avalon", {"stats": json_reply(STATS=[{"MM ID0": "Ver[1246-83-1] GHSspd[81000] TAvg[65]"}])}
    )
    assert (reading.model, reading.firmware, reading.hashrate_ghs) == ("AvalonMiner 1246", "1246-83-1", 81000)
    assert (reading.accepted, reading.identity) == (None, None)


def test_the_serial_number_stands_in_for_the_mac():
    replies = avalon_replies(MAC="", DNA="0201000086aabbcc")
    assert read_cgminer("avalon", replies).identity == "0201000086aabbcc"


def test_a_mac_that_is_none_is_not_replaced_by_the_serial_number():
    reading = read_cgminer("avalon", avalon_replies(MAC="e0e1a9", DNA="0201000086aabbcc"))
    assert (reading.identity, reading.serial) == (None, "0201000086aabbcc")


def test_a_nano_3_without_a_serial_number_of_its_own_has_that_of_its_hash_board():
    text = "Ver[nano3-1]  DNA[0000000000000000]  HDNA[020100005581d5b5]  PFCnt[7] GHSspd[2630.98]"
    replies = avalon_replies(text, PROD="Avalonnano", MODEL="nano3", MAC=None)
    assert read_cgminer("avalon", replies).identity == "020100005581d5b5"


def test_a_miner_whose_mac_could_not_be_read_is_not_called_another_by_its_serial_number():
    replies = avalon_replies("Ver[Q-25] DNA[0201000086aabbcc] GHSspd[100]")
    assert read_cgminer("avalon", replies).identity == "02:00:5E:10:00:02"
    torn = read_cgminer("avalon", replies | {"version": replies["version"][:60] + b"\0"})
    assert (torn.hashrate_ghs, torn.identity) == (100, None)
    assert "version left out" in torn.warnings[0]


@pytest.mark.parametrize("version", [{}, {"VERSION": []}, {"VERSION": [{}]}])
def test_a_miner_whose_version_says_nothing_is_not_called_another_by_its_serial_number(
    version: dict[str, Any],
):
    replies = avalon_replies("Ver[Q-25] DNA[0201000086aabbcc] GHSspd[100]")
    known = read_cgminer("avalon", replies).identity
    reading = read_cgminer("avalon", replies | {"version": json_reply(**version)})
    assert (reading.hashrate_ghs, reading.identity, reading.serial) == (100, None, "0201000086aabbcc")
    assert stranger(known or "", reading) == ""
    assert stranger("0201000086aabbcc", reading) == ""


def test_no_sensor_is_no_temperature():
    reading = read_cgminer("avalon", avalon_replies("Ver[Q-1] GHSspd[100] TAvg[-273]"))
    assert reading.temperature_c is None
    assert reading.warnings == ("temperature left out: -273 °C means no sensor",)


def test_another_miner_is_refused_after_one_question():
    antminer = cgminer_device({"version": json_reply(VERSION=[{"Type": "Antminer S19"}])})
    with antminer as device, pytest.raises(Misread) as caught:
        read("avalon", device)
    assert caught.value.reason == "another device's shape (Antminer S19, not an Avalon)"
    assert len(device.asked) == 1


def test_broken_stats_are_a_misread_not_a_zero():
    replies = avalon_replies()
    replies["estats"] = replies["estats"][:80]
    with pytest.raises(Misread, match="JSON cut off after 80 bytes"):
        read_cgminer("avalon", replies)


def test_a_broken_pool_list_leaves_the_figures():
    reading = read_cgminer("avalon", avalon_replies() | {"pools": b"<html>"})
    assert (reading.hashrate_ghs, reading.pool_url) == (88100.5, None)
    assert reading.warnings == ("pools left out: answers HTML, not the cgminer API",)
