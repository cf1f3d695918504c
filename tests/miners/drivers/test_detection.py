import json
import os
import time

import pytest

from miners.drivers import Address, Misread, Reading, Unreachable, detect, detection, drivers
from miners.drivers.base import Driver, PlainDriver
from tests.miners.drivers.fixtures import GAMMA, TIMEOUT_S, avalon_replies, json_reply
from tests.miners.drivers.servers import (
    cgminer_device,
    closed_port,
    http_device,
    http_reply,
    silent_device,
    talking_device,
)

BITAXE = {"/api/system/info": http_reply(json.dumps(GAMMA).encode())}
ANTMINER = {
    "version": json_reply(VERSION=[{"Type": "Antminer S19"}]),
    "summary": json_reply(SUMMARY=[{"GHS 5s": 95000}]),
}


@pytest.mark.parametrize(
    ("device", "driver"),
    [
        (http_device(BITAXE), "axeos"),
        (cgminer_device(avalon_replies()), "avalon"),
        (cgminer_device(ANTMINER), "cgminer"),
    ],
)
def test_the_protocol_is_found(device, driver):
    with device as running:
        assert detect(Address("127.0.0.1", running.port), TIMEOUT_S).driver == driver


class PortsOfItsOwn(PlainDriver):
    """Asks other ports beside 4028, and finds there what it is told."""

    name, default_port, has_fixed_ports = "ports of its own", 4028, True

    def __init__(self, found: Reading | None) -> None:
        self.found = found

    def read(self, address: Address, deadline: float) -> Reading:
        if self.found is None:
            raise Unreachable("connection refused")
        return self.found


def test_a_driver_that_asks_other_ports_as_well_does_not_speak_for_the_next_one():
    group: list[Driver] = [drivers["avalon"], PortsOfItsOwn(None), drivers["cgminer"]]
    with cgminer_device(ANTMINER) as device:
        found = detection._try_in_turn(group, Address("127.0.0.1", device.port), time.monotonic() + TIMEOUT_S)
    assert isinstance(found, Reading)
    assert found.driver == "cgminer"


def test_a_dark_port_does_not_speak_for_a_driver_that_asks_others_as_well():
    group: list[Driver] = [drivers["avalon"], PortsOfItsOwn(Reading("ports of its own")), drivers["cgminer"]]
    found = detection._try_in_turn(group, Address("127.0.0.1", closed_port()), time.monotonic() + TIMEOUT_S)
    assert found == Reading("ports of its own")


def test_a_reading_counts_that_ends_while_a_refusal_is_looked_at(monkeypatch):
    def all_done_refusals_first(attempts):
        return sorted(attempts, key=lambda attempt: isinstance(attempt.result(), Reading))

    monkeypatch.setattr(detection, "as_completed", all_done_refusals_first)
    with cgminer_device(avalon_replies()) as device:
        assert detect(Address("127.0.0.1", device.port), TIMEOUT_S, listen=False).driver == "avalon"


def test_a_reading_is_not_kept_waiting_by_the_other_protocols():
    with http_device(BITAXE) as device:
        started = time.monotonic()
        detect(Address("127.0.0.1", device.port), 60)
        assert time.monotonic() - started < 30


def test_a_closed_port_has_one_reason():
    with pytest.raises(Unreachable) as caught:
        detect(Address("127.0.0.1", closed_port()), TIMEOUT_S)
    assert caught.value.reason == "connection refused"


def test_all_protocols_share_one_time_limit():
    with silent_device() as device, pytest.raises(Unreachable) as caught:
        detect(Address("127.0.0.1", device.port), 0.44)  # so that 0.4 is left when the machine is busy before
    assert caught.value.reason == "no answer within 0.4 s"
    assert len(device.asked) == 0


def test_each_protocol_tells_why_not():
    with talking_device(http_reply(b"<html>")) as device, pytest.raises(Misread) as caught:
        detect(Address("127.0.0.1", device.port), TIMEOUT_S)
    assert caught.value.reason == (
        "avalon and cgminer: answer is not JSON; axeos and nmaxe: answers HTML, not AxeOS; "
        "nerdqaxe: answers HTML, not NerdQAxe's API"
    )


def test_without_a_port_each_protocol_is_tried_on_its_own():
    # An address of loopback that nothing else uses, so that the protocol's own port is free.
    host = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    with cgminer_device(ANTMINER, host=host, port=4028):
        assert detect(Address(host), TIMEOUT_S).driver == "cgminer"


def test_a_fault_in_one_driver_does_not_hide_what_another_reads(monkeypatch):
    def fail(address: Address, deadline: float) -> Reading:
        raise KeyError("unforeseen")

    monkeypatch.setattr(drivers["avalon"], "read", fail)
    with cgminer_device({"summary": json_reply(SUMMARY=[{"Elapsed": 5, "GHS 5s": 12.5}])}) as device:
        assert detect(Address("127.0.0.1", device.port), TIMEOUT_S, listen=False).driver == "cgminer"
