"""The admin's list of miners, without the scripts of forms: filters, the count of what is selected, and actions work."""

import pytest
from playwright.sync_api import expect

from miners.models import Miner
from tests.browser.conftest import Visit
from tests.factories import MinerFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_list_is_filtered_and_acted_upon_and_its_forms_still_open(visit: Visit, faults: list[str]) -> None:
    owner = UserFactory(username="ann", is_staff=True, is_superuser=True)
    for n in range(3):
        MinerFactory(name=f"rig-{n}", enabled=True)
    MinerFactory(name="spare", enabled=False)
    page = visit("/admin/miners/miner/", as_user=owner)
    by_enabled = page.locator("#changelist-filter summary", has_text="enabled")
    only_enabled = page.locator("#changelist-filter a[href*='enabled__exact=1']")
    by_enabled.click()
    expect(only_enabled).to_be_hidden()
    by_enabled.click()
    only_enabled.click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)

    page.get_by_role("checkbox", name="Select all objects on this page for an action").check()
    expect(page.locator(".action-counter")).to_have_text("3 of 3 selected")
    rows.filter(has_text="rig-2").get_by_role("checkbox").uncheck()
    expect(page.locator(".action-counter")).to_have_text("2 of 3 selected")
    page.get_by_label("Action:").select_option(label="Do not poll the selected miners")
    page.locator("button[name=index]").click()
    expect(rows).to_have_count(1)
    assert set(Miner.objects.filter(enabled=True).values_list("name", flat=True)) == {"rig-2"}

    page.get_by_role("link", name="rig-2").click()
    expect(page.get_by_role("textbox", name="Name:", exact=True)).to_have_value("rig-2")
    assert page.evaluate("() => typeof django.jQuery") == "function"
    assert faults == []
