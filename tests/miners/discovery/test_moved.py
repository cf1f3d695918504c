"""Miners whose address changed are found again by their identity."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import pytest

from miners.discovery.adopt import follow_all
from miners.discovery.moved import find_moved, in_turn, is_missing, missing_networks
from miners.drivers import Address
from miners.models import Miner, MinerState
from tests.factories import SiteFactory
from tests.miners.discovery.conftest import NETWORK, avalon_at, bitaxe_at, mac

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def missing(**fields):
    about = {"identity": mac(254), "host": f"{NETWORK}.99", "state": MinerState.UNREACHABLE}
    return Miner(**(about | {"state_since": NOW - timedelta(minutes=6)} | fields))


@pytest.mark.parametrize(
    ("fields", "is_looked_for"),
    [
        ({}, True),
        ({"state_since": NOW - timedelta(minutes=4)}, False),
        ({"state_since": None}, False),
        ({"state": MinerState.ONLINE}, False),
        ({"identity": ""}, False),
        ({"host": ""}, False),
        ({"port": 8080}, False),
        ({"enabled": False}, False),
    ],
)
def test_who_is_looked_for(fields, is_looked_for):
    assert is_missing(missing(**fields), NOW) is is_looked_for


def test_only_private_networks_are_looked_through_each_once():
    miners = [missing(host=host) for host in ("10.1.2.3", "10.1.2.4", "8.8.8.8", "bitaxe.local", "10.1.3.1")]
    assert missing_networks(miners, NOW) == [IPv4Network("10.1.2.0/24"), IPv4Network("10.1.3.0/24")]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 11])
def test_every_network_has_its_turn_whoever_stays_missing(count):
    networks = [IPv4Network(f"10.1.{n}.0/24") for n in range(count)]
    turns = [in_turn(networks, NOW + n * timedelta(minutes=10)) for n in range(-(-count // 4))]
    assert {network for turn in turns for network in turn} == set(networks)
    assert all(len(turn) == min(4, count) == len(set(turn)) for turn in turns)


def stored(site, name, **fields):
    miner = missing(name=name, site=site, **fields)
    miner.save()
    return miner


@pytest.mark.django_db
def test_a_miner_whose_address_changed_is_followed(devices):
    miner = stored(SiteFactory(), "garage")
    followed, refused = find_moved(NOW)
    assert ([one.name for one in followed], refused) == (["garage"], [])
    miner.refresh_from_db()
    assert miner.host == f"{NETWORK}.254"


@pytest.mark.django_db
def test_miners_that_changed_places_are_both_followed(devices):
    site = SiteFactory()
    devices.enter_context(bitaxe_at(f"{NETWORK}.1", mac(2)))
    devices.enter_context(avalon_at(f"{NETWORK}.2", 1))
    stored(site, "one", host=f"{NETWORK}.1", identity=mac(1))
    stored(site, "two", host=f"{NETWORK}.2", identity=mac(2))
    find_moved(NOW)
    hosts = dict(Miner.objects.values_list("name", "host"))
    assert hosts == {"one": f"{NETWORK}.2", "two": f"{NETWORK}.1"}


@pytest.mark.django_db
def test_a_miner_that_is_there_is_left_where_it_is(devices):
    stored(SiteFactory(), "garage", state=MinerState.ONLINE)
    assert find_moved(NOW) == ([], [])


@pytest.mark.django_db
def test_a_miner_does_not_take_the_address_of_one_that_stays():
    site = SiteFactory()
    stored(site, "garage")
    stored(site, "shed", identity="", host="10.0.0.1")
    followed, refused = follow_all({mac(254): Address("10.0.0.1")})
    assert followed == []
    assert refused == ["shed has the address 10.0.0.1 already; give it another one first"]
