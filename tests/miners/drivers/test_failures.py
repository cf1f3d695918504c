"""Every driver against every way in which a device fails: a reason, never a traceback, never a zero."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.drivers import Address, DriverError, Misread, Reading, Unreachable, drivers
from tests.miners.drivers.fixtures import read
from tests.miners.drivers.servers import (
    closed_port,
    dripping_device,
    http_reply,
    silent_device,
    talking_device,
)

NAMES = ("avalon", "axeos", "cgminer", "nerdqaxe", "nmaxe")
MOMENT_S = 0.34
"""Is called 0.3 s, and still is when the machine is busy for a while before the driver begins."""

every_driver = pytest.mark.parametrize("name", NAMES)


def unreachable(name: str, address: Address, timeout_s: float = 5.0) -> str:
    with pytest.raises(Unreachable) as caught:
        drivers[name].read(address, time.monotonic() + timeout_s)
    return caught.value.reason


@every_driver
def test_a_name_that_does_not_resolve(name):
    reason = unreachable(name, Address("no-such-miner.invalid"))
    assert reason in ("no such host", "the name server does not answer")


@every_driver
def test_a_host_that_refuses(name):
    assert unreachable(name, Address("127.0.0.1", closed_port())) == "connection refused"


@every_driver
def test_a_host_that_hangs(name):
    with silent_device() as device:
        assert unreachable(name, Address("127.0.0.1", device.port), MOMENT_S) == "no answer within 0.3 s"


@every_driver
@pytest.mark.parametrize("first", [b" ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Drip: "])
def test_a_host_that_drips(name, first):
    with dripping_device(first) as device, pytest.raises(DriverError) as caught:
        read(name, device, timeout_s=MOMENT_S)
    assert caught.value.reason in ("no whole answer within 0.3 s", "does not answer in HTTP")


@every_driver
def test_a_deadline_that_has_passed(name):
    with silent_device() as device:
        assert unreachable(name, Address("127.0.0.1", device.port), -1.0) == "no answer within 0 s"


@every_driver
def test_a_host_that_says_nothing_and_closes(name):
    with talking_device(b"") as device, pytest.raises(DriverError) as caught:
        read(name, device)
    assert caught.value.reason


@every_driver
@pytest.mark.parametrize(
    "reply",
    [
        b"<html><body>hello</body></html>",
        http_reply(b"<html><body>hello</body></html>"),
        http_reply(b'{"ASICModel": "BM1370", "hashRate": 5'),
        b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":1,"MHS 5s":',
        http_reply(b"[]"),
        b"[]\0",
        b"\0",
        b"\xff\xfe\xfd",
        b"x" * 1_200_000,
    ],
)
def test_a_host_that_talks_nonsense(name, reply):
    with talking_device(reply) as device, pytest.raises(DriverError) as caught:
        read(name, device)
    assert caught.value.reason
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize("name", ["avalon", "cgminer"])
def test_an_endless_answer_is_cut(name):
    with talking_device(b"{" * 1_200_000) as device, pytest.raises(Misread) as caught:
        read(name, device)
    assert caught.value.reason == "answer is longer than 1048576 bytes"


openings = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b'HTTP/1.1 200 OK\r\n\r\n{"ASICModel":"BM1370","hashRate":',
        b'{"STATUS":"S","VERSION":[{"PROD":"Avalon Q"}],"SUMMARY":[{"MHS 5s":',
        b'{"STATUS":"S","DNA":1,"STATS":[{"MM ID0":"Ver[Q-1] GHSspd[',
        b"STATUS=S|SUMMARY,MHS 5s=",
    ]
)
endings = st.sampled_from([b"", b"}", b"}]}", b']"}]}', b"|", b"\0"])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(opening=openings, middle=st.binary(max_size=60), ending=endings)
def test_whatever_is_sent_gives_a_reading_or_a_reason(name, opening, middle, ending):
    with talking_device(opening + middle + ending) as device, contextlib.suppress(DriverError):
        assert isinstance(read(name, device), Reading)
