"""The page of a miner's orders in a real browser: one is given, and shows by itself what becomes of it."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from miners.models import Command, LatestReading, Miner
from tests.browser.conftest import Visit, looks
from tests.factories import MinerFactory, MinerModelFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def chief(transactional_db: None) -> Any:
    """A user who may give orders."""
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


def gamma() -> Miner:
    model = MinerModelFactory(name="Bitaxe Gamma 601")
    miner: Miner = MinerFactory(name="garage", model=model, driver="axeos", host="192.0.2.1")
    LatestReading.objects.create(miner=miner, timestamp=timezone.now(), firmware="v2.14.0", frequency_mhz=600)
    return miner


def test_an_order_is_given_and_followed(visit: Visit, chief: Any, faults: list[str]) -> None:
    miner = gamma()
    page = visit(f"/miners/{miner.pk}/commands", as_user=chief)
    orders = page.get_by_role("region", name="Orders to garage")
    expect(orders).to_contain_text("No order has been given yet.")
    orders.get_by_label("Why").first.fill("dear hours")
    orders.get_by_role("button", name="Pause").click()
    first = orders.get_by_role("listitem").first
    expect(first).to_contain_text("pending")
    expect(first).to_contain_text("chief: dear hours")
    orders.get_by_label("Why").first.fill("still typing")
    Command.objects.update(status="confirmed", evidence="hashrate 0, mode paused")
    expect(first).to_contain_text("confirmed")
    expect(first).to_contain_text("hashrate 0, mode paused")
    expect(orders.get_by_label("Why").first).to_have_value("still typing")
    expect(page.locator("#commands-list[hx-trigger]")).to_have_count(0)
    assert faults == []


def test_fits_every_width_in_both_themes(visit: Visit, chief: Any, faults: list[str]) -> None:
    miner = gamma()
    usual = {"who": "a strategy with quite a long name", "why": "31.2 p/kWh " * 9, "asked_at": timezone.now()}
    Command.objects.create(
        miner=miner, kind="pool", arguments={"url": "u" * 90}, status="failed", answer="x" * 300, **usual
    )
    page = visit(f"/miners/{miner.pk}/commands", as_user=chief)
    for _ in looks(page):
        page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert faults == []
