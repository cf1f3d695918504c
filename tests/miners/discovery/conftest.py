"""Devices on addresses of loopback of their own, on their protocols' own ports."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator

import pytest

from tests.miners.drivers.fixtures import GAMMA, avalon_replies
from tests.miners.drivers.servers import INVALID_JSON, Device, cgminer_device, http_reply, tcp_server

if sys.platform != "linux":
    pytest.skip("NOT TESTED: only Linux has all of 127.0.0.0/8", allow_module_level=True)

NETWORK = f"127.{81 + (os.getpid() >> 8) % 40}.{os.getpid() & 255}"
"""The first three parts of the addresses, this process's own."""


def bitaxe_at(host: str, mac: str, port: int = 80):
    """Serve a Bitaxe with this MAC."""
    body = http_reply(json.dumps(GAMMA | {"macAddr": mac}).encode())
    missing = http_reply(b"no", "404 Not Found")

    def serve(connection, device: Device) -> None:
        request = connection.recv(65536)
        connection.sendall(body if b" /api/system/info " in request else missing)

    return tcp_server(serve, host, port)


def mac(number: int) -> str:
    return f"02:00:5E:20:00:{number:02X}"


@pytest.fixture
def network() -> str:
    """A /24 that nobody else uses."""
    return f"{NETWORK}.0/24"


@pytest.fixture
def devices() -> Iterator[contextlib.ExitStack]:
    """Enter devices here."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(bitaxe_at(f"{NETWORK}.254", mac(254)))
        except PermissionError:
            pytest.skip("NOT TESTED: this user may not listen on port 80")
        yield stack


def avalon_at(host: str, number: int):
    """Serve an Avalon Q with the MAC of that number."""
    return cgminer_device(avalon_replies(MAC=mac(number)), host=host, port=4028)


def nothing_at(host: str, port: int = 4028):
    """Serve the cgminer API of something that is no miner."""
    return cgminer_device({"version": INVALID_JSON}, host=host, port=port)
