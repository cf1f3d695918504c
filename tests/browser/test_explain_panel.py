"""Explain this number, in a real browser: a panel over the page, and a page without script."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, settle
from tests.metrics.fleet_at_work import publish, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _fleet(transactional_db: None) -> None:
    now = timezone.now().replace(microsecond=0)
    working_miners(2, now - timedelta(seconds=20), hours=26)
    publish([18.5] * 60, now.replace(minute=0, second=0) - timedelta(hours=28))


@pytest.mark.usefixtures("_fleet")
def test_a_figure_of_the_ledger_opens_leads_on_and_gives_the_focus_back(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/ledger?of=together", as_user=member)
    figure = page.get_by_role("link", name="kWh").first
    figure.focus()
    page.keyboard.press("Enter")
    panel = page.locator("dialog#panel")
    expect(panel).to_contain_text("all miners together")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    assert page.url.endswith("/ledger?of=together")
    panel.locator("details[open] tbody a").last.click()
    expect(panel).to_contain_text("hour ")
    settle(page)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(figure).to_be_focused()
    assert faults == []


@pytest.mark.usefixtures("_fleet")
def test_without_script_it_is_a_page(visit: Visit, member: Any) -> None:
    page = visit("/ledger?of=together", as_user=member, java_script_enabled=False)
    page.get_by_role("link", name="kWh").first.click()
    expect(page.get_by_role("main")).to_contain_text("manage.py backfill_metrics --type energy_cost")
    page.get_by_role("main").locator("details[open] tbody a").last.click()
    expect(page.get_by_role("main")).to_contain_text("hour ")


@pytest.mark.usefixtures("_fleet")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_fits_every_width_in_both_themes(
    width: int, scheme: str, visit: Visit, member: Any, faults: list[str]
) -> None:
    page: Page = visit(
        "/ledger?of=together", as_user=member, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page.get_by_role("link", name="£").first.click()
    panel = page.locator("dialog#panel")
    expect(panel).to_contain_text("Cost")
    assert panel.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert faults == []
