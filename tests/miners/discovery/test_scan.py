import json
import socket

import pytest

from miners.discovery.networks import hosts, parse_network
from miners.discovery.scan import Found, _Ear, knock, look, scan
from miners.drivers import Address
from miners.drivers.nmminer import read_broadcast
from tests.miners.discovery.conftest import NETWORK, avalon_at, bitaxe_at, mac, nothing_at
from tests.miners.drivers.fixtures import BROADCAST
from tests.miners.drivers.servers import closed_port


def test_a_whole_network_is_looked_through(devices, network):
    for number in range(1, 11):
        devices.enter_context(bitaxe_at(f"{NETWORK}.{number}", mac(number)))
        devices.enter_context(avalon_at(f"{NETWORK}.{100 + number}", 100 + number))
    steps = list(scan(hosts(parse_network(network)), listen_s=0))
    found = {step.found.address.host: step.found.reading for step in steps if step.found}
    assert {reading.identity for reading in found.values()} == {
        mac(number) for number in [*range(1, 11), *range(101, 111), 254]
    }
    assert found[f"{NETWORK}.105"].driver == "avalon"
    assert [step.done for step in steps[:254]] == list(range(1, 255))


def test_a_find_comes_before_the_end(devices):
    steps = scan(
        [f"{NETWORK}.254"] + [f"{NETWORK}.{number}" for number in range(1, 50)], at_once=1, listen_s=0
    )
    first = next(steps)
    steps.close()
    assert first.done == 1
    assert first.found is not None


def test_what_answers_and_is_no_miner_is_a_note(devices):
    devices.enter_context(nothing_at(f"{NETWORK}.7"))
    steps = list(scan([f"{NETWORK}.7"], listen_s=0))
    assert [step.found for step in steps] == [None] * len(steps)
    assert steps[0].note.startswith(f"{NETWORK}.7: ")


def test_another_port_is_looked_at_when_it_is_named(devices):
    host, port = f"{NETWORK}.9", 18080
    devices.enter_context(bitaxe_at(host, mac(9), port))
    assert look(host) == ([], "")
    ((found,), _) = look(host, [port])
    assert found.address == Address(host, port)


def test_several_miners_behind_one_address_are_all_found_and_each_once(devices):
    host = f"{NETWORK}.11"
    for number in (11, 12):
        devices.enter_context(bitaxe_at(host, mac(number), 18080 + number))
    devices.enter_context(bitaxe_at(host, mac(12), 18099))
    devices.enter_context(nothing_at(host, 18098))
    steps = list(scan([host], ports=[18091, 18098, 18092, 18099], listen_s=0))
    found = [step.found.address for step in steps if step.found]
    assert found == [Address(host, 18091), Address(host, 18092)]
    assert [step.done for step in steps] == [1] * len(steps)
    assert steps[0].note.startswith(f"{host}:18098: ")


def test_who_answers_is_not_told_of_again_when_it_broadcasts_too(devices, monkeypatch):
    both = [f"{NETWORK}.254", f"{NETWORK}.5"]
    told = read_broadcast(json.dumps(BROADCAST).encode())
    monkeypatch.setattr(_Ear, "heard", lambda ear, listen_s: [Found(Address(host), told) for host in both])
    found = [step.found for step in scan(both, listen_s=0) if step.found]
    assert [(each.address.host, each.reading.driver) for each in found] == [
        (both[0], "axeos"),
        (both[1], "nmminer"),
    ]


def test_a_device_that_takes_no_connection_is_not_waited_for():
    with socket.socket() as full:
        full.bind((f"{NETWORK}.3", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection((f"{NETWORK}.3", port)):  # its queue is full now
            assert knock(f"{NETWORK}.3", port, 0.2) in (True, False)
    assert not knock("127.0.0.1", closed_port())


@pytest.mark.parametrize("at_once", [1, 3])
def test_every_address_is_told_of_once(at_once):
    steps = list(scan([f"{NETWORK}.{number}" for number in range(20, 30)], at_once=at_once, listen_s=0))
    assert [step.done for step in steps if not step.note] == list(range(1, 11))
