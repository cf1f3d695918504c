"""Analytics in a real browser: a figure is chosen, drawn and compared; every view fits every width in both themes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, looks
from tests.metrics.fleet_at_work import publish, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _fleet(transactional_db: None) -> None:
    now = timezone.now().replace(microsecond=0)
    working_miners(2, now - timedelta(seconds=20), hours=30)
    publish([(7 * n) % 40 - 2.0 for n in range(80)], now.replace(minute=0, second=0) - timedelta(hours=34))


def is_drawn(page: Page) -> None:
    """Wait until the chart has its figures: the server is done with the database then."""
    expect(page.locator("[aria-busy]")).to_have_count(0)


@pytest.mark.usefixtures("_fleet")
def test_two_miners_are_drawn_and_the_table_says_the_same(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    page.get_by_role("link", name="Analytics").click()
    page.locator("select[name=metric]").select_option("hashrate.avg")
    page.locator("select[name=period]").select_option("hourly")
    page.get_by_label("Of", exact=True).fill("gamma-1")
    page.get_by_label("and beside it").fill("gamma-2")
    page.get_by_label("From", exact=True).fill((timezone.localdate() - timedelta(days=2)).isoformat())
    page.get_by_role("button", name="Show").click()
    expect(page.locator("figure .u-wrap canvas")).to_be_visible()
    expect(page.locator("[data-legend]")).to_contain_text("gamma-2")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("columnheader", name="gamma-2")).to_be_visible()
    address = page.url
    page.reload()
    expect(page.get_by_label("and beside it")).to_have_value("")
    assert page.url == address
    is_drawn(page)
    assert faults == []


@pytest.mark.usefixtures("_fleet")
def test_every_view_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    page = visit("/analytics?metric=hashrate.avg", as_user=member)
    views = page.get_by_role("navigation", name="Views")
    for name in ("Calendar", "Distribution", "Ranking", "By price", "What changed the cost", "Over time"):
        views.get_by_role("link", name=name).click()
        expect(views.get_by_role("link", name=name)).to_have_attribute("aria-current", "true")
        is_drawn(page)
        for _ in looks(page):
            is_drawn(page)
    assert faults == []
