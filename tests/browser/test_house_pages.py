"""Finding miners, the pools and the system in a real browser."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hmm.models import Heartbeat
from miners.models import Miner
from miners.tasks import discover
from miners.views import discovery
from pools.models import Pool, PoolReading
from tests.browser.conftest import Visit, looks
from tests.factories import UserFactory
from tests.miners.drivers.fixtures import GAMMA
from tests.miners.drivers.servers import Device, http_reply, tcp_server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOST = f"127.{121 + (os.getpid() >> 8) % 40}.{os.getpid() & 255}.1"
"""An address of loopback of this process's own."""
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return UserFactory(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def bitaxe() -> Iterator[Device]:
    """One that answers where the network of two addresses has it."""
    if sys.platform != "linux":
        pytest.skip("NOT TESTED: only Linux has all of 127.0.0.0/8")
    body, missing = http_reply(json.dumps(GAMMA).encode()), http_reply(b"no", "404 Not Found")

    def serve(connection: Any, device: Device) -> None:
        asked = connection.recv(65536)
        connection.sendall(body if b" /api/system/info " in asked else missing)

    try:
        with tcp_server(serve, HOST, 80) as device:
            yield device
    except PermissionError:
        pytest.skip("NOT TESTED: this user may not listen on port 80")


def test_a_miner_is_found_on_the_network_and_added_by_a_click(
    visit: Visit, owner: Any, bitaxe: Device, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "own_network", lambda: None)  # tests know none
    page = visit("/discovery", as_user=owner, viewport={"width": 375, "height": 812})
    page.get_by_label("Network").fill(f"{HOST}/32")
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#discovery-run")).to_contain_text("0 of 1 address")
    assert discover(page.url.partition("run=")[2], f"{HOST}/32") == 1  # what the worker does
    add = page.get_by_role("button", name=f"Add {HOST}")
    expect(add).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    add.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#discovery-run")).to_contain_text("known")
    assert Miner.objects.get().host == HOST
    assert faults == []


def test_pools_and_the_system_say_how_they_are_and_fit_every_width(
    visit: Visit, owner: Any, faults: list[str], settings: Any
) -> None:
    settings.COINGECKO_BASE_URL = settings.MEMPOOL_BASE_URL = NOBODY
    now = timezone.now()
    pool = Pool.objects.create(name="Solo", url=NOBODY, client="ckpool")
    PoolReading.objects.create(
        pool=pool, timestamp=now - timedelta(minutes=3), covered_s=120, reachable=True, response_time_ms=12
    )
    Heartbeat.objects.create(service="worker", at=now - timedelta(minutes=7))
    page = visit("/pools", as_user=owner)
    for _ in looks(page):
        expect(page.get_by_role("row", name="Solo").first).to_contain_text("reachable")
        expect(page.get_by_role("row", name="Solo").first).to_contain_text("3 min ago")
    page.goto("/system")
    for _ in looks(page):
        expect(page.get_by_role("row", name="worker").first).to_contain_text("silent")
        expect(page.get_by_role("row", name="worker").first).to_contain_text("7 min ago")
    assert faults == []
