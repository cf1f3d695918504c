"""The ledger in a real browser: a day and a miner are chosen, its file is downloaded, it fits every width."""

import csv
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, looks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("two_miners_and_prices")
def test_one_miner_of_yesterday_is_the_file_that_is_downloaded(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    page.get_by_role("link", name="Ledger").click()
    page.get_by_role("link", name="Day before").click()
    page.get_by_label("Miner", exact=True).fill("gamma-2")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("gamma-2")
    shown = page.locator("tbody tr").count()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    assert {row["miner"] for row in rows} == {"gamma-2"}
    assert faults == []


@pytest.mark.usefixtures("two_miners_and_prices")
def test_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    page = visit("/ledger", as_user=member)
    for _ in looks(page):
        page.get_by_role("region", name="Lines of the ledger").focus()
    assert faults == []
