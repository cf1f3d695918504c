"""Explain this number, in a real browser: a panel over the page, and a page without script."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Visit, looks, settle
from tests.browser.test_accessibility import SIZES, complaints

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("two_miners_and_prices")
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


def refresh_summary(page: Page) -> None:
    """Have the server make the fleet's block anew, as when a minute has gone by."""
    page.route(
        "**/blocks/fleet-summary", lambda route: route.continue_(headers=_unconditional(route.request))
    )
    old = page.locator("#fleet-summary .figures").element_handle()
    page.evaluate("() => document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    settle(page)
    assert not old.evaluate("element => element.isConnected")


def _unconditional(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "if-none-match"}


@pytest.mark.usefixtures("two_miners_and_prices")
def test_what_today_cost_opens_on_the_dashboard_and_stays_while_it_is_refreshed(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    cost = page.locator("#fleet-summary dl a[href*=total_cost]")
    cost.click()
    panel = page.locator("dialog#panel")
    expect(panel).to_contain_text("Cost is that energy at the price of each slot")
    expect(panel).to_contain_text("Formula(r.cost_pence / 100)")
    assert urlsplit(page.url).path + urlsplit(page.url).query == "/"
    refresh_summary(page)
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(cost).to_be_focused()
    refresh_summary(page)
    expect(cost).to_be_focused()
    page.go_back()
    expect(page).to_have_url("about:blank")
    assert faults == []


@pytest.mark.usefixtures("two_miners_and_prices")
def test_the_dashboards_panel_can_be_used_by_everyone(visit: Visit, member: Any) -> None:
    page = visit("/", as_user=member, viewport=SIZES[0])
    page.locator("#fleet-vitals").get_by_role("link").first.click()
    expect(page.locator("dialog#panel")).to_contain_text("Uptime")
    settle(page)
    for theme in ("light", "dark"):
        page.emulate_media(
            color_scheme=theme, reduced_motion="reduce"
        )  # else colours are on their way when axe looks
        assert complaints(page) == []


@pytest.mark.usefixtures("two_miners_and_prices")
def test_without_script_it_is_a_page(visit: Visit, member: Any) -> None:
    page = visit("/ledger?of=together", as_user=member, java_script_enabled=False)
    page.get_by_role("link", name="kWh").first.click()
    expect(page.get_by_role("main")).to_contain_text("manage.py backfill_metrics --type energy_cost")
    page.get_by_role("main").locator("details[open] tbody a").last.click()
    expect(page.get_by_role("main")).to_contain_text("hour ")


@pytest.mark.usefixtures("two_miners_and_prices")
def test_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    page = visit("/ledger?of=together", as_user=member)
    panel = page.locator("dialog#panel")
    for _ in looks(page):
        page.locator("a[href*=total_cost]").first.click()
        expect(panel).to_contain_text("Cost")
        assert panel.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        page.keyboard.press("Escape")
    assert faults == []
