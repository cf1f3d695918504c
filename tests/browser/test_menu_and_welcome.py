"""The menu on a phone, and the first run."""

from typing import Any

import pytest
from playwright.sync_api import expect

from miners.models import Site, SiteTariff
from miners.views import discovery
from tests.browser.conftest import Visit
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 375, "height": 812}


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return UserFactory(username="ann", is_staff=True, is_superuser=True)


def test_the_menu_opens_and_closes_by_keyboard_on_a_phone(
    visit: Visit, owner: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=owner, viewport=PHONE)
    link = page.get_by_role("link", name="System")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    assert faults == []


def test_on_a_desk_the_menu_is_there(visit: Visit, owner: Any) -> None:
    page = visit("/", as_user=owner, viewport={"width": 1280, "height": 900})
    expect(page.get_by_role("link", name="System")).to_be_visible()
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()


def test_a_new_house_is_set_up_in_three_steps(
    visit: Visit, owner: Any, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "own_network", lambda: None)  # tests know no network
    page = visit("/", as_user=owner, viewport=PHONE)
    page.get_by_role("link", name="Set up in three steps").click()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.locator("#place").get_by_role("button", name="Keep").click()
    expect(page.locator("#place")).to_contain_text("Europe/Berlin")
    page.get_by_label("One price at all hours").check()
    expect(page.get_by_label("Postcode", exact=True)).to_be_hidden()
    page.get_by_label("Price per kWh, pence").fill("24.5")
    page.locator("#electricity").get_by_role("button", name="Keep").click()
    expect(page.locator("#toasts")).to_contain_text("Home is on Fixed price 24.5")
    page.get_by_role("link", name="Look on the network").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find miners")
    assert SiteTariff.objects.get(site=Site.objects.get(pk=1)).tariff.fixed_pence_per_kwh == 24.5
    assert faults == []
