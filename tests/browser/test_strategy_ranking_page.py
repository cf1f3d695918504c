"""The page of a ranking in a real browser: a target is asked for, and it fits every width in both themes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from miners.models import Miner, Site
from miners.strategies.seeds import seed_strategies
from tests.browser.conftest import Visit, looks
from tests.metrics.fleet_at_work import working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PATH = "/strategies/ranking"


def seeded_fleet() -> None:
    now = timezone.now().replace(microsecond=0) - timedelta(seconds=20)
    working_miners(3, now, hours=25)
    Miner.objects.filter(name="gamma-3").update(tier="vip", customer="A customer with quite a long name")
    seed_strategies(Site.objects.get(pk=1), force=False)


def test_a_target_shows_who_would_be_cut(visit: Visit, member: Any, faults: list[str]) -> None:
    seeded_fleet()
    page = visit("/", as_user=member)
    page.get_by_role("link", name="Strategies").click()
    page.get_by_label("Strategy").select_option(label="Home: Customer priority")
    page.get_by_label("Draw less by, kW").fill("0.03")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("main")).to_contain_text("Cutting 2 miners saves 36.0 W, 30.0 W asked for")
    expect(page.get_by_role("row", name="gamma-3")).to_contain_text("protected")
    expect(page.get_by_label("Draw less by, kW")).to_have_value("0.03")
    row = page.get_by_role("row", name="gamma-2")
    for column, title in (
        ("Power", "Power now"),
        ("Performance", "Hashrate now"),
        ("Efficiency", "Efficiency"),
        ("Uptime", "Uptime"),
    ):
        row.locator(f"td[data-label^={column}] a").click()
        expect(page.locator("dialog#panel")).to_contain_text(title)
        expect(page.locator("dialog#panel")).to_contain_text("miner gamma-2")
        page.keyboard.press("Escape")
    row.get_by_role("link", name="gamma-2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("gamma-2")
    assert faults == []


def test_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    seeded_fleet()
    page = visit(f"{PATH}?target_kw=0.03", as_user=member)
    for _ in looks(page):
        expect(page.get_by_role("row", name="gamma-3")).to_contain_text("A customer with quite a long name")
    assert faults == []
