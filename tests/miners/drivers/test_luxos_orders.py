"""Orders to LuxOS: in the session that there is, else in one of our own."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from miners.drivers.base import Address, Unreachable
from miners.drivers.cgminer_controls import CgminerControls
from miners.drivers.orders import About, Answer, Kind, Order
from tests.miners.drivers.fixtures import json_reply
from tests.miners.drivers.servers import cgminer_device, closed_port

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTROLS = CgminerControls()
LUXOS = About("Antminer S19k Pro", "LUXminer 2025.4.8")
TAKEN = b'{"STATUS":[{"STATUS":"S","When":9,"Code":316,"Msg":"Sleep mode requested"}],"id":1}\0'
REFUSED = b'{"STATUS":[{"STATUS":"E","When":9,"Code":402,"Msg":"Invalid session id"}],"id":1}\0'
NO_SESSION = json_reply(SESSION=[{"SessionID": ""}])
OURS = json_reply(SESSION=[{"SessionID": "s1"}])


def sent(
    kind: Kind, arguments: dict[str, Any], replies: Mapping[str, bytes]
) -> tuple[Answer, list[dict[str, str]]]:
    (step,) = CONTROLS.steps(Order(kind, arguments), LUXOS, NOW)
    with cgminer_device(dict(replies)) as device:
        answer = CONTROLS.send(Address("127.0.0.1", device.port), step, time.monotonic() + 30)
        return answer, [json.loads(request) for request in device.asked]


def test_it_offers_more_than_a_plain_cgminer() -> None:
    kinds = CONTROLS.offers(LUXOS).kinds
    assert kinds == {Kind.RESTART, Kind.PAUSE, Kind.RESUME, Kind.IDENTIFY}
    assert CONTROLS.offers(About("Antminer S19", "BMMiner 1.0.0")).kinds == {Kind.RESTART}
    assert CONTROLS.ask(Address("127.0.0.1", closed_port()), LUXOS, time.monotonic() + 30) == LUXOS


@pytest.mark.parametrize(
    ("kind", "arguments", "command", "parameter"),
    [
        (Kind.PAUSE, {}, "curtail", "s1,sleep"),
        (Kind.RESUME, {}, "curtail", "s1,wakeup"),
        (Kind.IDENTIFY, {"light": "on"}, "ledset", "s1,red,blink"),
        (Kind.IDENTIFY, {"light": "off"}, "ledset", "s1,red,auto"),
    ],
)
def test_an_order_is_sent_in_a_session_of_its_own(
    kind: Kind, arguments: dict[str, Any], command: str, parameter: str
) -> None:
    replies = {"session": NO_SESSION, "logon": OURS, command: TAKEN, "logoff": TAKEN}
    answer, asked = sent(kind, arguments, replies)
    assert (answer.is_taken, answer.words) == (True, "Sleep mode requested")
    assert [each["command"] for each in asked] == ["session", "logon", command, "logoff"]
    assert (asked[2]["parameter"], asked[3]["parameter"]) == (parameter, "s1")


def test_the_session_of_another_is_left_open() -> None:
    answer, asked = sent(Kind.PAUSE, {}, {"session": OURS, "curtail": TAKEN})
    assert answer.is_taken
    assert [each["command"] for each in asked] == ["session", "curtail"]


def test_a_restart_ends_the_session_with_the_device() -> None:
    answer, asked = sent(Kind.RESTART, {}, {"session": NO_SESSION, "logon": OURS, "rebootdevice": TAKEN})
    assert answer.is_taken
    assert asked[-1] == {"command": "rebootdevice", "parameter": "s1"}


def test_a_refusal_is_told_and_the_session_ended_all_the_same() -> None:
    answer, asked = sent(Kind.PAUSE, {}, {"logon": OURS, "curtail": REFUSED})
    assert (answer.is_taken, answer.words) == (False, "Invalid session id")
    assert asked[-1]["command"] == "logoff"


def test_without_a_session_nothing_is_sent() -> None:
    answer, asked = sent(Kind.PAUSE, {}, {})
    assert answer.is_taken is False
    assert "session" in answer.words
    assert [each["command"] for each in asked] == ["session", "logon"]


def test_what_is_kept_names_no_session() -> None:
    (step,) = CONTROLS.steps(Order(Kind.PAUSE), LUXOS, NOW)
    assert str(step) == "curtail|SESSION,sleep"
    with pytest.raises(Unreachable):
        CONTROLS.send(Address("127.0.0.1", closed_port()), step, time.monotonic() + 30)
