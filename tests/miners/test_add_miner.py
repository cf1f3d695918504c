"""`add_miner`: read once over a real socket, then added; or one clear line and nothing added."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from miners.models import Miner, MinerSite, Site


@pytest.fixture
def site(db: None) -> Site:
    return Site.objects.get(pk=1)


@pytest.fixture
def axeos_port() -> Iterator[int]:
    """A device that answers any request with a small AxeOS reply."""
    body = json.dumps(
        {"ASICModel": "BM1370", "hashRate": 1200.5, "power": 17.5, "temp": 55.0, "version": "v2.9.0",
         "boardVersion": "601", "macAddr": "02:00:00:00:00:01", "sharesAccepted": 4, "sharesRejected": 0,
         "uptimeSeconds": 100, "fanrpm": 4000, "voltage": 5000.0, "current": 3000.0, "frequency": 600,
         "stratumURL": "pool.invalid", "stratumPort": 3333, "stratumUser": "bc1q"}
    ).encode()  # fmt: skip
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(head.encode() + body)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_a_miner_is_probed_and_added(site: Site, axeos_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("add_miner", f"127.0.0.1:{axeos_port}", "--name", "garage", "--driver", "axeos")
    miner = Miner.objects.get(name="garage")
    assert (miner.driver, miner.identity, miner.site) == ("axeos", "02:00:00:00:00:01", site)
    assert miner.model is not None
    assert MinerSite.objects.filter(miner=miner, site=site).exists()
    assert "1.20 TH/s" in capsys.readouterr().out


def test_a_device_that_is_there_already_is_not_added_again(site: Site, axeos_port: int) -> None:
    call_command("add_miner", f"127.0.0.1:{axeos_port}", "--name", "garage", "--driver", "axeos")
    with pytest.raises(CommandError, match="it is garage"):
        call_command("add_miner", f"localhost:{axeos_port}", "--driver", "axeos")
    assert Miner.objects.count() == 1


def test_nobody_at_the_address_is_one_clear_line_and_nothing_added(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(CommandError, match="Nothing was added") as caught:
        call_command("add_miner", f"127.0.0.1:{port}", "--driver", "axeos")
    assert caught.value.returncode == 2
    call_command("add_miner", f"127.0.0.1:{port}", "--no-probe")
    miner = Miner.objects.get()
    assert (miner.name, miner.driver) == (f"127.0.0.1:{port}", "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["127.0.0.1", "--site-id", "999"], "no site has the id 999"),
        (["127.0.0.1", "--driver", "nope"], "no driver is called 'nope'"),
        (["127.0.0.1:99999"], "not a port"),
    ],
)
def test_bad_arguments_of_add_miner_are_named(site: Site, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call_command("add_miner", *arguments)
