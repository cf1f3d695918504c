"""The table of miners of a farm: searched, sorted and paged, and kept so when it refreshes itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from metrics.dashboard import table_page
from miners.models import LatestReading
from tests.browser.conftest import Visit, settle
from tests.metrics.fleet_at_work import working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def names(page: Page) -> list[str]:
    settle(page)
    cells = page.locator("#miner-table tbody th")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


@pytest.fixture
def farm(transactional_db: None) -> None:
    now = timezone.now().replace(microsecond=0) - timedelta(seconds=20)
    for n, miner in enumerate(working_miners(12, now)):
        LatestReading.objects.filter(miner=miner).update(hashrate_ghs=1000.0 + n)


@pytest.mark.usefixtures("farm")
def test_it_is_searched_sorted_and_keeps_that_when_it_refreshes(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    assert names(page) == [f"gamma-{n}" for n in range(1, 13)]

    search = page.get_by_label("Search")
    search.press_sequentially("gamma-1")
    expect(page.locator("#miner-table tbody tr")).to_have_count(4)
    expect(search).to_be_focused()

    page.get_by_role("link", name="Hashrate", exact=True).click()
    expect(page.get_by_role("columnheader", name="Hashrate ↓")).to_be_visible()
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]
    assert page.url.endswith("/?sort=hashrate&order=desc&q=gamma-1")

    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]
    page.reload()
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]

    page.get_by_label("State", exact=True).select_option("unreachable")
    expect(page.get_by_text("No miner is like that.")).to_be_visible()
    page.get_by_role("link", name="Show all 12").click()
    assert len(names(page)) == 12
    assert faults == []


@pytest.mark.usefixtures("farm")
def test_pages_lead_on_and_back(visit: Visit, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_page, "ON_A_PAGE", 5)
    page = visit("/", as_user=member, viewport={"width": 375, "height": 800})
    assert names(page) == [f"gamma-{n}" for n in range(1, 6)]
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("6–10 of 12")).to_be_visible()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    assert names(page) == [f"gamma-{n}" for n in range(6, 11)]
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text("1–5 of 12")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
