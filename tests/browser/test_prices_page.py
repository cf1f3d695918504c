"""The page of prices in a real browser: the cheapest hours are asked for, and it fits every width in both themes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.conftest import Visit, looks, settle
from tests.metrics.fleet_at_work import publish

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _prices(transactional_db: None) -> None:
    first = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    publish([(n * 7) % 40 - 2.0 for n in range(4 * 48)], first)


@pytest.mark.usefixtures("_prices")
def test_the_cheapest_hours_stay_marked_when_the_page_refreshes_itself(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    page.get_by_role("link", name="Prices").click()
    page.get_by_label("Hours", exact=True).fill("2")
    page.get_by_label("At a stretch, min").fill("60")
    page.get_by_role("button", name="Find the cheapest").click()
    outlook = page.locator("#price-outlook")
    expect(outlook).to_contain_text("2 h for")
    marked = outlook.locator(".is-chosen").count()
    assert marked == 4
    page.get_by_text("As a table").click()
    expect(outlook.get_by_role("cell", name="✓ chosen")).to_have_count(marked)
    table = outlook.get_by_role("region", name="Prices slot by slot")
    price = table.get_by_role("link").nth(30)
    price.focus()
    before = table.evaluate("(region) => region.scrollTop")
    assert before > 0
    with page.expect_response("**/blocks/price-outlook*"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    settle(page)
    expect(outlook.get_by_role("cell", name="✓ chosen")).to_have_count(marked)
    expect(price).to_be_focused()
    assert table.evaluate("(region) => region.scrollTop") == before
    table.focus()
    with page.expect_response("**/blocks/price-outlook*"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    settle(page)
    expect(table).to_be_focused()
    assert faults == []


@pytest.mark.usefixtures("_prices")
def test_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    page = visit("/prices", as_user=member)
    for _ in looks(page):
        settle(page)
    assert faults == []
