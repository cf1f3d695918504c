"""What surrounds every page: its theme, that it can be installed, and what is said when nobody answers."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit, settle
from tests.factories import UserFactory
from tests.metrics.fleet_at_work import working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DARK, LIGHT = "rgb(14, 19, 24)", "rgb(243, 245, 247)"
ADMIN_DARK = "rgb(22, 29, 37)"


def ground(page: Page) -> str:
    found: str = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return found


def refresh(page: Page) -> None:
    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return UserFactory(username="ann", is_staff=True, is_superuser=True)


def test_the_theme_is_chosen_once_for_all_pages_and_the_admin(
    visit: Visit, owner: Any, faults: list[str]
) -> None:
    page = visit("/prices?hours=4", as_user=owner, color_scheme="light")
    assert ground(page) == LIGHT
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark", pressed=True)).to_be_visible()
    assert page.url.endswith("/prices?hours=4")
    assert ground(page) == DARK
    page.goto("/admin/")
    assert ground(page) == ADMIN_DARK
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_role("button", name="Light", pressed=True)).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert ground(page) == LIGHT
    page.get_by_role("button", name="Auto").click()
    expect(page.get_by_role("button", name="Auto", pressed=True)).to_be_visible()
    assert ground(page) == DARK
    assert faults == []


def test_it_can_be_installed(visit: Visit, transactional_db: None) -> None:
    page = visit("/login/")
    told = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert told["errors"] == []
    assert told["url"].startswith(page.url.removesuffix("/login/"))
    assert '"start_url": "/"' in told["data"]


def test_who_does_not_answer_is_named(visit: Visit, owner: Any) -> None:
    working_miners(1, timezone.now().replace(microsecond=0) - timedelta(seconds=20))
    page = visit("/", as_user=owner, prepare=lambda page: page.clock.install())
    said = page.locator("#stale")
    expect(said).to_be_hidden()

    page.context.set_offline(True)
    refresh(page)
    expect(said).to_contain_text("this device is offline")
    page.context.set_offline(False)
    refresh(page)
    settle(page)
    expect(said).to_be_hidden()

    page.route("**/explain**", lambda route: route.abort())
    page.locator("#fleet-summary a.explained").first.click()
    expect(said).to_have_text("That did not work: the server does not answer.")
    refresh(page)
    settle(page)
    expect(said).to_be_hidden()

    held: list[Route] = []
    page.route("**/blocks/fleet-summary", lambda route: held.append(route))
    with page.expect_request("**/blocks/fleet-summary"):
        refresh(page)
    page.clock.run_for(7000)
    expect(said).to_contain_text("slow to answer; still waiting")
    for route in held:
        route.continue_()
    settle(page)
    page.clock.run_for(3000)
    expect(said).to_be_hidden()
