from ipaddress import IPv4Network

import pytest

from miners.discovery.networks import hosts, own_network, parse_network, refusal


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.168.1.0/24", "192.168.1.0/24"),
        (" 192.168.1.77/24 ", "192.168.1.0/24"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.0.0.0/255.255.255.0", "10.0.0.0/24"),
    ],
)
def test_a_network_is_read(text, network):
    assert parse_network(text) == IPv4Network(network)


@pytest.mark.parametrize("text", ["", "garage", "192.168.1.0/33", "300.1.1.1", "fe80::/64", "10.0.0.0/24/1"])
def test_what_is_no_network_is_named(text):
    with pytest.raises(ValueError, match="is not a network such as"):
        parse_network(text)


@pytest.mark.parametrize("text", ["192.168.1.0/24", "10.20.0.0/20", "172.16.9.1", "127.0.0.0/24"])
def test_private_networks_up_to_a_20_are_looked_through(text):
    assert refusal(parse_network(text)) is None


def test_a_public_network_needs_insisting():
    network = parse_network("8.8.8.0/24")
    assert "not a private network" in str(refusal(network))
    assert refusal(network, public_too=True) is None


def test_more_than_a_20_needs_insisting():
    network = parse_network("10.0.0.0/19")
    assert refusal(network) == "10.0.0.0/19 has 8,192 addresses, more than a /20"
    assert refusal(network, large_too=True) is None
    assert refusal(parse_network("8.0.0.0/8"), large_too=True) is not None


@pytest.mark.parametrize(("text", "count"), [("10.0.0.0/24", 254), ("10.0.0.7", 1), ("10.0.0.0/31", 2)])
def test_only_addresses_of_devices_are_asked(text, count):
    assert len(hosts(parse_network(text))) == count


def test_the_own_network_is_the_24_of_the_own_address(monkeypatch):
    monkeypatch.setattr("miners.discovery.networks.ROUTE_TO", ("127.0.0.1", 9))
    assert own_network() == IPv4Network("127.0.0.0/24")


def test_without_a_route_there_is_no_own_network(monkeypatch):
    monkeypatch.setattr("miners.discovery.networks.ROUTE_TO", ("127.255.255.255", 9))
    assert own_network() is None
