"""Orders to Avalon miners and to a plain cgminer: what each offers, what is sent, and what comes back."""

import json
import time
from datetime import UTC, datetime

import pytest

from miners.drivers.avalon_controls import AvalonControls, options
from miners.drivers.base import Address, Unreachable
from miners.drivers.cgminer_api import parse_answer
from miners.drivers.cgminer_controls import CgminerControls
from miners.drivers.cgminer_orders import CgminerStep, answer_of, send_cgminer
from miners.drivers.orders import About, CannotBuild, Kind, Order
from tests.miners.drivers.order_servers import deaf_device
from tests.miners.drivers.servers import cgminer_device, closed_port, talking_device

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AVALON = AvalonControls()
CGMINER = CgminerControls()
POOL = {"slot": "primary", "url": "stratum+tcp://pool.example:3333", "user": "me"}
ALWAYS = {Kind.RESTART, Kind.POOL}
STANDBY = {Kind.PAUSE, Kind.RESUME}
Q = About("Avalon Q")
HELP = b'{"STATUS":[{"STATUS":"I","When":9,"Code":118,"Msg":"ASC 0 set info: help|workmode|reboot|softon|softoff|"}],"id":1}\0'
HELP_TEXT = b"STATUS=I,When=9,Code=118,Msg=ASC 0 set info: help|workmode|reboot|softon|softoff|,Description=cgminer 4|\0"


@pytest.mark.parametrize(
    ("model", "more", "modes"),
    [
        ("Avalon Nano 3", {Kind.MODE}, ("low", "medium", "high")),
        ("Avalon Nano 3S", {Kind.MODE, Kind.LEVEL}, ("low", "medium", "high")),
        ("Avalon Mini 3", {Kind.MODE, Kind.LEVEL} | STANDBY, ("heating", "mining", "night")),
        ("Avalon Q", {Kind.MODE, Kind.LEVEL} | STANDBY, ("eco", "standard", "super")),
        ("AvalonMiner 1246", STANDBY | {Kind.IDENTIFY}, ()),
        ("AvalonMiner 1566", STANDBY | {Kind.IDENTIFY}, ()),
        ("AvalonMiner 15-194", STANDBY | {Kind.IDENTIFY}, ()),
        ("Avalon of tomorrow", set(), ()),
        ("", set(), ()),
    ],
)
def test_what_a_model_offers(model: str, more: set[Kind], modes: tuple[str, ...]) -> None:
    offers = AVALON.offers(About(model))
    assert (set(offers.kinds), offers.modes) == (ALWAYS | more, modes)
    assert offers.with_password == {Kind.POOL}


def test_what_the_firmware_lists_itself_goes_first() -> None:
    without = AVALON.offers(About("Avalon Q", options=frozenset({"workmode", "reboot"})))
    assert set(without.kinds) == ALWAYS | {Kind.MODE}
    more = AVALON.offers(About("Avalon Nano 3S", options=frozenset({"reboot", "softon", "softoff"})))
    assert set(more.kinds) == ALWAYS | STANDBY
    assert more.modes == ()


@pytest.mark.parametrize("reply", [HELP, HELP_TEXT])
def test_the_list_is_read_in_both_languages(reply: bytes) -> None:
    listed = options(parse_answer(reply))
    assert listed is not None
    assert {"workmode", "reboot", "softon", "softoff"} <= listed


@pytest.mark.parametrize(
    "reply",
    [
        b'{"STATUS":[{"STATUS":"E","When":9,"Code":14,"Msg":"Invalid command"}],"id":1}\0',
        b'{"STATUS":[{"STATUS":"S","When":9,"Code":119,"Msg":"ASC 0 set OK"}],"id":1}\0',
        b'{"STATUS":[{"STATUS":"I","When":9,"Code":118,"Msg":"ASC 0 set info: "}],"id":1}\0',
    ],
)
def test_no_list_is_none(reply: bytes) -> None:
    assert options(parse_answer(reply)) is None


def asked(device_port: int, about: About = Q) -> About:
    return AVALON.ask(Address("127.0.0.1", device_port), about, time.monotonic() + 30)


def test_a_device_is_asked_what_it_takes() -> None:
    with cgminer_device({"ascset": HELP}) as device:
        about = asked(device.port)
    assert about.options == {"help", "workmode", "reboot", "softon", "softoff"}
    assert not about.speaks_text
    assert json.loads(device.asked[0]) == {"command": "ascset", "parameter": "0,help"}


def test_one_that_reads_no_json_is_told_in_plain_text() -> None:
    with cgminer_device({"ascset": HELP_TEXT}, reads_json=False) as device:
        about = asked(device.port)
    assert about.speaks_text
    (step,) = AVALON.steps(Order(Kind.RESTART), about, NOW)
    assert step.request() == "ascset|0,reboot,0"


def test_one_that_answers_nonsense_is_taken_by_its_model() -> None:
    with talking_device(b"<html></html>") as device:
        assert asked(device.port).options is None


def sent(order: Order, model: str = "Avalon Q") -> list[str]:
    return [str(step) for step in AVALON.steps(order, About(model), NOW)]


def test_what_is_sent() -> None:
    at = int(NOW.timestamp()) + 5
    assert sent(Order(Kind.RESTART)) == ["ascset|0,reboot,0"]
    assert sent(Order(Kind.PAUSE)) == [f"ascset|0,softoff,1:{at}"]
    assert sent(Order(Kind.RESUME)) == [f"ascset|0,softon,1:{at}"]
    assert sent(Order(Kind.MODE, {"mode": "super"})) == ["ascset|0,workmode,set,2"]
    assert sent(Order(Kind.MODE, {"mode": "low"}), "Avalon Nano 3") == ["ascset|0,worklevel,set,0"]
    assert sent(Order(Kind.LEVEL, {"level": -1})) == ["ascset|0,worklevel,set,-1"]
    assert sent(Order(Kind.IDENTIFY, {"light": "on"}), "AvalonMiner 1246") == ["ascset|0,led,1-1"]
    assert sent(Order(Kind.IDENTIFY, {"light": "off"}), "AvalonMiner 1246") == ["ascset|0,led,1-0"]


def test_a_pool_needs_the_password_of_the_device() -> None:
    with pytest.raises(CannotBuild, match="password"):
        sent(Order(Kind.POOL, POOL))


def test_a_pool_is_set_and_the_primary_one_by_a_restart() -> None:
    order = Order(Kind.POOL, POOL, {"device": "hunter2", "pool": "deep"})
    pool, restart = AVALON.steps(order, Q, NOW)
    assert (
        json.loads(pool.request())["parameter"] == "admin,hunter2,0,stratum+tcp://pool.example:3333,me,deep"
    )
    assert str(pool) == "setpool|admin,•••,0,stratum+tcp://pool.example:3333,me,•••"
    assert str(restart) == "ascset|0,reboot,0"
    fallback = Order(Kind.POOL, POOL | {"slot": "fallback"}, {"device": "hunter2"})
    assert sent(fallback) == ["setpool|admin,•••,1,stratum+tcp://pool.example:3333,me,x"]


@pytest.mark.parametrize(
    ("name", "word"), [("device", "a,b"), ("device", ""), ("pool", "a|b"), ("pool", "a b")]
)
def test_words_that_would_be_read_as_others_are_refused(name: str, word: str) -> None:
    with pytest.raises(CannotBuild, match="no comma"):
        sent(Order(Kind.POOL, POOL, {"device": "ok", name: word}))


def status(letter: str, message: str) -> bytes:
    return f'{{"STATUS":[{{"STATUS":"{letter}","When":9,"Code":1,"Msg":"{message}"}}],"id":1}}\0'.encode()


@pytest.mark.parametrize(
    ("reply", "is_taken", "words"),
    [
        (status("S", "ASC 0 set OK"), True, "ASC 0 set OK"),
        (status("I", "ASC 0 set info: success softoff:9"), True, "ASC 0 set info: success softoff:9"),
        (
            status("E", "ASC 0 set failed: Unknown option: softoff"),
            False,
            "ASC 0 set failed: Unknown option: softoff",
        ),
        (status("I", "current mode 1 is caling Don't permit switch mode"), False, "current mode 1 is caling"),
        (status("W", "something"), True, "something"),
        (
            b"STATUS=E,When=1,Code=120,Msg=ASC 0 set failed: no,Description=x|\0",
            False,
            "ASC 0 set failed: no",
        ),
        (b'{"STATUS":"RESTART","id":1}\0', True, "RESTART"),
        (b"RESTART|\0", True, "RESTART"),
        (b"RESTART", True, "RESTART"),
        (b"", None, "the connection was closed without a word"),
        (b'{"STATUS":[{"STATUS":"S"', None, "JSON cut off"),
        (b"<html>", None, "answers HTML"),
    ],
)
def test_what_a_reply_says(reply: bytes, is_taken: bool | None, words: str) -> None:
    answer = answer_of(reply)
    assert answer.is_taken is is_taken
    assert answer.words.startswith(words)


def test_a_password_that_a_device_repeats_is_masked() -> None:
    reply = b'{"STATUS":[{"STATUS":"S","Msg":"Pool set info: \nworker is me\nworkerpassword is deep\nPlease reboot"}],"id":1}\0'
    answer = answer_of(reply)
    assert answer.is_taken
    assert "deep" not in answer.words
    assert answer.words.endswith("workerpassword is ••• Please reboot")


def test_where_nobody_listens_nothing_was_sent() -> None:
    with pytest.raises(Unreachable, match="refused"):
        send_cgminer(Address("127.0.0.1", closed_port()), CgminerStep("restart"), time.monotonic() + 30)


def test_an_order_without_an_answer_is_of_unknown_outcome_and_not_sent_again() -> None:
    with deaf_device() as device:
        answer = send_cgminer(
            Address("127.0.0.1", device.port), CgminerStep("ascset", "0,reboot,0"), time.monotonic() + 0.5
        )
        assert answer.is_taken is None
        assert len(device.asked) == 1


def test_an_order_refused_in_json_is_not_said_again_in_plain_text() -> None:
    with cgminer_device({}, reads_json=False) as device:
        answer = send_cgminer(
            Address("127.0.0.1", device.port), CgminerStep("restart"), time.monotonic() + 30
        )
    assert answer.is_taken is False
    assert len(device.asked) == 1


@pytest.mark.parametrize(
    ("access", "kinds"), [('"Exists":"Y","Access":"Y"', {Kind.RESTART}), ('"Exists":"Y","Access":"N"', set())]
)
def test_a_cgminer_is_restarted_only_where_it_says_that_we_may(access: str, kinds: set[Kind]) -> None:
    reply = f'{{"STATUS":[{{"STATUS":"S","Msg":"Check command"}}],"CHECK":[{{{access}}}],"id":1}}\0'.encode()
    with cgminer_device({"check": reply}) as device:
        about = CGMINER.ask(Address("127.0.0.1", device.port), About("Antminer S9"), time.monotonic() + 30)
    assert set(CGMINER.offers(about).kinds) == kinds
    assert json.loads(device.asked[0]) == {"command": "check", "parameter": "restart"}


def test_one_that_does_not_know_the_question_may_not_be_restarted() -> None:
    with cgminer_device({}) as device:
        about = CGMINER.ask(
            Address("127.0.0.1", device.port), About("WhatsMiner M30S"), time.monotonic() + 30
        )
    offers = CGMINER.offers(about)
    assert not offers.kinds
    assert "Whatsminer" in offers.note


def test_a_cgminer_is_restarted_in_its_own_language() -> None:
    (step,) = CGMINER.steps(Order(Kind.RESTART), About(speaks_text=True), NOW)
    assert (step.request(), str(step)) == ("restart", "restart")
