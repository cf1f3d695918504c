"""The tests' own house: nothing leaves the machine, factories make what models need."""

import socket
import subprocess
import sys
from datetime import date

import pytest
from django.db import connection

from energy.models import PriceSlot
from miners.models import Telemetry
from miners.telemetry.partitions import ensure_days
from tests.factories import PASSWORD, MinerFactory, PriceSlotFactory, SiteFactory, UserFactory

TEST_NET = ("192.0.2.1", 80)
"""An address kept for documentation, which nobody has."""


@pytest.mark.parametrize("address", [TEST_NET, ("8.8.8.8", 53)])
def test_foreign_address_is_refused(address):
    with socket.socket() as sock, pytest.raises(RuntimeError, match="stay on loopback"):
        sock.connect(address)


def test_foreign_datagram_is_refused():
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(RuntimeError, match="stay on loopback"):
        sock.sendto(b"x", TEST_NET)


def test_foreign_name_does_not_resolve():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("api.octopus.energy", 443)


def test_loopback_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_child_process_is_kept_on_loopback_too():
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "NetworkForbidden" in done.stderr


@pytest.mark.django_db
def test_factories_make_memberships_too():
    miner = MinerFactory()
    assert [move.site for move in miner.moves.all()] == [miner.site]
    assert miner.site.tariffs.count() == 1
    assert SiteFactory(tariff=None).tariffs.count() == 0


@pytest.mark.django_db
def test_user_of_the_factory_can_log_in(client):
    assert client.login(username=UserFactory().username, password=PASSWORD)


@pytest.mark.django_db
def test_price_slots_of_the_factory_follow_each_other():
    first, second = PriceSlotFactory.create_batch(2)
    assert first.end == second.start
    assert PriceSlot.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_committed_telemetry_does_not_reach_the_next_test(turn):
    ensure_days([date(2010, 1, 1)])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry (miner_id, covered_s, timestamp) VALUES (1, 30, '2010-01-01T00:00Z')"
        )
    assert Telemetry.objects.count() == 1
