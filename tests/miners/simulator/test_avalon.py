"""Avalon Nano 3S and Avalon Q over the cgminer API."""

import json
from collections.abc import Iterator

import pytest

from tests.miners.simulator.harness import Running, bracket, device_named, running

MODES = [
    ("nano3s-1", [(3000, 70), (4500, 100), (6000, 140)]),
    ("avalonq-1", [(50_000, 800), (80_000, 1300), (90_000, 1674)]),
]
WATTS_AT = {"nano3s-1": 6, "avalonq-1": 4}


@pytest.fixture
def nano() -> Iterator[Running]:
    with running(device_named("nano3s-1")) as (device,):
        yield device


@pytest.fixture
def avalon_q() -> Iterator[Running]:
    with running(device_named("avalonq-1")) as (device,):
        yield device


@pytest.fixture(params=["nano3s-1", "avalonq-1"])
def avalon(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(device_named(request.param)) as (device,):
        yield device


def brackets(device: Running, command: str = "litestats") -> str:
    record = device.call(command)["STATS"][0]
    return record.get("MM ID0") or record["MM ID0:Summary"]


def watts(device: Running) -> int:
    return int(bracket(brackets(device), "PS").split()[WATTS_AT[device.device.spec.name]])


@pytest.mark.parametrize(
    ("command", "section", "code"),
    [
        ("version", "VERSION", 22),
        ("summary", "SUMMARY", 11),
        ("devs", "DEVS", 9),
        ("pools", "POOLS", 7),
        ("stats", "STATS", 70),
        ("estats", "STATS", 70),
        ("litestats", "STATS", 70),
        ("config", "CONFIG", 33),
        ("coin", "COIN", 78),
    ],
)
def test_each_command_has_its_section(avalon: Running, command: str, section: str, code: int) -> None:
    reply = avalon.call(command)
    status = reply["STATUS"][0]
    assert (status["STATUS"], status["Code"], status["Description"]) == ("S", code, "cgminer 4.11.1")
    assert len(reply[section]) >= 1
    assert reply["id"] == 1


def test_the_version_names_the_model() -> None:
    with running(device_named("nano3s-1"), device_named("avalonq-1")) as devices:
        nano, avalon_q = (device.call("version")["VERSION"][0] for device in devices)
    assert (nano["PROD"], nano["MODEL"]) == ("Avalon Nano3s", "Nano3s")
    assert (avalon_q["PROD"], avalon_q["MODEL"]) == ("Avalon Q", "Q")
    assert nano["MAC"].startswith("02")
    assert nano["DNA"] != avalon_q["DNA"]


def test_summary_is_in_megahashes_and_agrees_with_the_brackets(avalon: Running) -> None:
    summary = avalon.call("summary")["SUMMARY"][0]
    text = brackets(avalon)
    assert summary["MHS 5s"] == pytest.approx(float(bracket(text, "GHSspd")) * 1000, rel=1e-4)
    assert summary["MHS av"] == pytest.approx(float(bracket(text, "GHSavg")) * 1000, rel=1e-4)
    assert summary["Total MH"] == pytest.approx(summary["MHS av"] * summary["Elapsed"], rel=0.02)
    assert summary["Accepted"] > 0
    assert isinstance(summary["Accepted"], int)
    assert 0 < summary["Device Rejected%"] < 2


def test_watts_stand_at_the_models_place(nano: Running, avalon_q: Running) -> None:
    assert 135 < watts(nano) < 145
    assert bracket(brackets(nano), "PS").split()[4] == "0"
    assert 1600 < watts(avalon_q) < 1720


def test_sensors_in_the_brackets(nano: Running, avalon_q: Running) -> None:
    small, large = brackets(nano), brackets(avalon_q)
    assert bracket(small, "ITemp") == "-273"
    assert 70 < int(bracket(small, "TAvg")) < 92
    assert 0 < int(bracket(small, "OTemp")) < int(bracket(small, "TAvg")) <= int(bracket(small, "TMax"))
    assert int(bracket(large, "ITemp")) > 0
    assert large.startswith("'STATS':{Ver[Q-")
    for text in (small, large):
        assert bracket(text, "SYSTEMSTATU").startswith("Work: In Work")
        assert int(bracket(text, "Fan1")) > 1000
        assert bracket(text, "FanR").endswith("%")
        assert bracket(text, "WORKMODE") == "2"


def test_only_the_whole_statistics_list_the_chips(avalon: Running) -> None:
    whole = json.dumps(avalon.call("estats")["STATS"][0])
    chips = whole.partition("PVT_T0[")[2].partition("]")[0].split()
    assert len(chips) == avalon.device.spec.hardware.chips
    assert "PVT_T0" not in json.dumps(avalon.call("litestats"))


def test_when_is_the_time_on_the_q_and_the_uptime_on_the_nano(nano: Running, avalon_q: Running) -> None:
    assert avalon_q.status("summary")["When"] == int(avalon_q.clock.time)
    assert nano.status("summary")["When"] == nano.call("summary")["SUMMARY"][0]["Elapsed"]


def test_the_active_pool_has_the_shares(avalon: Running) -> None:
    first, second = avalon.call("pools")["POOLS"]
    assert (first["Stratum Active"], second["Stratum Active"]) == (True, False)
    assert first["Accepted"] == avalon.call("summary")["SUMMARY"][0]["Accepted"]
    assert second["Accepted"] == 0
    assert 0 <= avalon.clock.time - first["Last Share Time"] < 300


@pytest.mark.parametrize(("name", "modes"), MODES, ids=lambda value: value if isinstance(value, str) else "")
def test_work_modes_are_obeyed(name: str, modes: list[tuple[float, float]]) -> None:
    with running(device_named(name)) as (device,):
        for mode, (ghs, power_w) in enumerate(modes):
            assert device.status("ascset", f"0,workmode,set,{mode}")["STATUS"] == "S"
            device.clock.time += 900
            text = brackets(device)
            assert bracket(text, "WORKMODE") == str(mode)
            assert float(bracket(text, "GHSspd")) == pytest.approx(ghs, rel=0.04)
            assert watts(device) == pytest.approx(power_w, rel=0.05)
            assert int(bracket(text, "MPO")) == pytest.approx(power_w, rel=0.02)


def test_a_work_level_trims_the_mode(avalon: Running) -> None:
    before = float(bracket(brackets(avalon), "GHSmm"))
    assert avalon.status("ascset", "0,worklevel,set,-3")["Msg"] == "ASC 0 set OK"
    avalon.clock.time += 900
    text = brackets(avalon)
    assert bracket(text, "WORKLEVEL") == "-3"
    assert float(bracket(text, "GHSmm")) == pytest.approx(before * 0.94, rel=0.001)
    assert "worklevel -3" in avalon.status("ascset", "0,worklevel,get")["Msg"]


def test_a_mode_is_refused_while_the_last_one_settles(avalon: Running) -> None:
    avalon.status("ascset", "0,workmode,set,0")
    refusal = avalon.status("ascset", "0,workmode,set,1")
    assert (refusal["STATUS"], refusal["Code"]) == ("E", 120)
    assert "Don't permit switch mode" in refusal["Msg"]
    avalon.clock.time += 60
    assert bracket(brackets(avalon), "WORKMODE") == "0"
    assert avalon.status("ascset", "0,workmode,set,1")["STATUS"] == "S"


def test_standby_and_back(avalon_q: Running) -> None:
    avalon = avalon_q
    power_w = watts(avalon)
    at = int(avalon.clock.time) + 5
    answer = avalon.status("ascset", f"0,softoff,1:{at}")
    assert (answer["STATUS"], answer["Msg"]) == ("I", f"ASC 0 set info: success softoff:{at}")
    assert "In Work" in brackets(avalon)
    avalon.clock.time += 120
    idle = brackets(avalon)
    assert bracket(idle, "SYSTEMSTATU").startswith("Work: In Idle")
    assert (bracket(idle, "GHSspd"), bracket(idle, "SoftOFF")) == ("0.00", "4")
    assert watts(avalon) < 0.1 * power_w
    summary = avalon.call("summary")["SUMMARY"][0]
    assert summary["MHS 5s"] == 0
    assert summary["MHS av"] > 1e6
    avalon.status("ascset", f"0,softon,1:{int(avalon.clock.time)}")
    avalon.clock.time += 600
    assert watts(avalon) == pytest.approx(power_w, rel=0.05)


def test_a_mode_is_refused_in_standby(avalon_q: Running) -> None:
    avalon_q.status("ascset", "0,softoff,1:1")
    avalon_q.clock.time += 30
    assert "Don't permit switch mode" in avalon_q.status("ascset", "0,workmode,set,0")["Msg"]


def test_a_nano_3s_has_no_standby(nano: Running) -> None:
    assert not {"softoff", "softon"} & set(nano.status("ascset", "0,help")["Msg"].split(": ")[1].split("|"))
    refused = nano.status("ascset", "0,softoff,1:1")
    assert (refused["Code"], refused["Msg"]) == (120, "ASC 0 set failed: Unknown option: softoff")


def test_a_reboot_resets_the_counters(avalon: Running) -> None:
    before = avalon.call("summary")["SUMMARY"][0]
    assert avalon.status("ascset", "0,reboot,0")["STATUS"] == "S"
    avalon.clock.time += 5
    with pytest.raises(ConnectionResetError):
        avalon.call("summary")
    avalon.clock.time += 120
    after = avalon.call("summary")["SUMMARY"][0]
    assert after["Elapsed"] < 120 < before["Elapsed"]
    assert after["Accepted"] < 30 < before["Accepted"]
    assert after["MHS av"] > 0


def test_a_pool_is_set_after_the_next_boot(avalon: Running) -> None:
    order = "admin,admin,0,stratum+tcp://new.example:4444,me,x"
    assert avalon.status("setpool", order)["STATUS"] == "S"
    assert avalon.call("pools")["POOLS"][0]["User"] != "me"
    avalon.status("ascset", "0,reboot,0")
    avalon.clock.time += 60
    pool = avalon.call("pools")["POOLS"][0]
    assert (pool["URL"], pool["User"]) == ("stratum+tcp://new.example:4444", "me")


@pytest.mark.parametrize(
    "order",
    [
        "admin,wrong,0,stratum+tcp://new.example:4444,me,x",
        "admin,admin,9,stratum+tcp://new.example:4444,me,x",
        "admin,admin,0,nonsense,me,x",
        "admin,admin,0",
        "",
    ],
)
def test_a_wrong_pool_is_refused(avalon: Running, order: str) -> None:
    assert avalon.status("setpool", order)["STATUS"] == "E"
    avalon.status("ascset", "0,reboot,0")
    avalon.clock.time += 60
    assert avalon.call("pools")["POOLS"][0]["URL"] == "stratum+tcp://solo.pool.example:3333"


def test_the_pool_is_switched(avalon: Running) -> None:
    assert "pool 1:" in avalon.status("switchpool", "1")["Msg"]
    assert [pool["Stratum Active"] for pool in avalon.call("pools")["POOLS"]] == [False, True]
    assert avalon.status("switchpool", "2")["STATUS"] == "E"


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ("", 107),
        ("1,help", 107),
        ("0", 116),
        ("0,frobnicate,1", 120),
        ("0,workmode,set,7", 120),
        ("0,workmode,set,-1", 120),
        ("0,workmode,set,low", 120),
        ("0,worklevel,set,99", 120),
        ("0,softoff,now", 120),
    ],
)
def test_orders_that_make_no_sense_are_refused(avalon: Running, parameter: str, code: int) -> None:
    before = brackets(avalon)
    status = avalon.status("ascset", parameter)
    assert (status["STATUS"], status["Code"]) == ("E", code)
    assert brackets(avalon) == before


def test_help_lists_the_options(avalon: Running) -> None:
    status = avalon.status("ascset", "0,help")
    assert status["STATUS"] == "I"
    listed = status["Msg"].split(": ")[1].split("|")
    assert {"workmode", "worklevel", "reboot"} <= set(listed)
    light = "led,1-1" if "led" in listed else "ledset,1-100-100-0-0-255"
    assert avalon.status("ascset", f"0,{light}")["STATUS"] == "S"


def test_an_unknown_command_is_invalid(avalon: Running) -> None:
    status = avalon.status("privileged")
    assert (status["STATUS"], status["Code"], status["Msg"]) == ("E", 14, "Invalid command")


def test_joined_commands_get_one_object(avalon: Running) -> None:
    reply = avalon.call("summary+version")
    assert reply["summary"][0]["SUMMARY"][0]["Accepted"] > 0
    assert reply["version"][0]["VERSION"][0]["API"] == "3.7"


def test_plain_text_on_the_q(avalon_q: Running) -> None:
    reply = avalon_q.raw(b"summary")
    assert reply.endswith(b"|\0")
    status, summary, _ = reply.decode().split("|")
    assert status.startswith("STATUS=S,When=")
    assert summary.startswith("SUMMARY,Elapsed=")
    assert "|POOL=0,URL=" in avalon_q.raw(b"pools|").decode()
    assert b"ASC 0 set OK" in avalon_q.raw(b"ascset|0,workmode,set,0")


def test_the_nano_takes_only_json(nano: Running) -> None:
    assert b"Code=14,Msg=Invalid command" in nano.raw(b"summary")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b'{"command": "summary"', 23),
        (b"{]", 23),
        (b'{"parameter": "0"}', 24),
        (b"[]", 24),
        (b'{"command": 7}', 24),
    ],
)
def test_json_that_is_no_request(avalon: Running, request_: bytes, code: int) -> None:
    reply = json.loads(avalon.raw(request_, hang_up=True)[:-1])
    assert (reply["STATUS"][0]["STATUS"], reply["STATUS"][0]["Code"]) == ("E", code)
