"""The ledger in a real browser: a day and a miner are chosen, its file is downloaded, it fits every width."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.metrics.fleet_at_work import publish, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _fleet(transactional_db: None) -> None:
    now = timezone.now().replace(microsecond=0)
    working_miners(2, now - timedelta(seconds=20), hours=26)
    publish([18.5] * 60, now.replace(minute=0, second=0) - timedelta(hours=28))


@pytest.mark.usefixtures("_fleet")
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


@pytest.mark.usefixtures("_fleet")
@pytest.mark.parametrize(
    ("scheme", "surface"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 29, 37)")]
)
@pytest.mark.parametrize("width", [375, 1280])
def test_fits_every_width_in_both_themes(
    width: int, scheme: str, surface: str, visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/ledger", as_user=member, viewport={"width": width, "height": 800}, color_scheme=scheme)
    expect(page.locator(".card").first).to_have_css("background-color", surface)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.get_by_role("region", name="Lines of the ledger").focus()
    assert faults == []
