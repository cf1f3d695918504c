"""A miner's page as a person meets it: charts are drawn, zoom in time, and are tables too."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from miners.models import Miner
from tests.browser.conftest import Visit, settle
from tests.factories import UserFactory
from tests.metrics.fleet_at_work import report, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return UserFactory(username="ann", is_staff=True, is_superuser=True)


def miner_at_work() -> Miner:
    return working_miners(1, timezone.now().replace(microsecond=0) - timedelta(seconds=20), hours=3)[0]


def drawn(page: Page) -> None:
    settle(page)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def refresh(page: Page) -> None:
    page.evaluate("() => document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    drawn(page)


def test_from_the_table_to_the_miner_and_its_charts(visit: Visit, owner: Any, faults: list[str]) -> None:
    miner = miner_at_work()
    page = visit("/", as_user=owner)
    page.get_by_role("link", name=miner.name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(miner.name)
    drawn(page)
    expect(page.locator("#miner-charts canvas")).to_have_count(3)
    expect(page.locator("#chart-power [data-reading]")).to_contain_text("18.0 W")
    assert faults == []


def test_a_chart_is_a_table_too_with_gaps_as_dashes(visit: Visit, owner: Any) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}", as_user=owner)
    drawn(page)
    page.get_by_text("Power as a table").click()
    table = page.locator("#chart-power table")
    expect(table.get_by_role("cell", name="18.0 W").first).to_be_visible()
    expect(table.get_by_role("cell", name="–").first).to_be_visible()
    table.get_by_role("link", name="18.0 W").first.click()
    expect(page.locator("dialog#panel")).to_contain_text("W = kWh × 3,600,000 ÷ s")


def test_another_span_is_in_the_address_and_keeps_the_focus(
    visit: Visit, owner: Any, faults: list[str]
) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}", as_user=owner)
    drawn(page)
    tab = page.get_by_role("link", name="7 d")
    tab.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="7 d")).to_have_attribute("aria-current", "true")
    drawn(page)
    assert page.url.endswith(f"/miners/{miner.pk}?span=7d&by=daily")
    expect(page.get_by_role("link", name="7 d")).to_be_focused()
    expect(page.locator("#miner-charts canvas")).to_have_count(3)
    assert faults == []


def test_what_is_open_stays_open_when_the_charts_are_refreshed(visit: Visit, owner: Any) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}?span=3h", as_user=owner)
    drawn(page)
    page.get_by_text("Hashrate as a table").click()
    report(miner, timezone.now(), hashrate_ghs=600.0)
    refresh(page)
    expect(page.locator("#miner-reading")).to_contain_text("600 GH/s")
    expect(page.locator("#chart-hashrate table")).to_be_visible()
    expect(page.locator("#chart-hashrate [data-reading]")).to_contain_text("0.60 TH/s")


def test_a_chart_that_is_zoomed_stays_so_when_it_is_refreshed(visit: Visit, owner: Any) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}", as_user=owner)
    drawn(page)
    plot, reading = page.locator("#chart-power .u-over"), page.locator("#chart-power [data-reading]")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    left, width, middle = box["x"], box["width"], box["y"] + box["height"] / 2

    def read_at(share: float) -> str:
        page.mouse.move(left + 5, middle)
        page.mouse.move(left + share * width, middle)
        return reading.inner_text().split(" · ")[0]

    whole = read_at(0.2)
    page.mouse.move(left + 0.7 * width, middle)
    page.mouse.down()
    page.mouse.move(left + 0.9 * width, middle, steps=4)
    page.mouse.up()
    zoomed = read_at(0.2)
    assert zoomed != whole
    refresh(page)
    assert read_at(0.2) == zoomed


def test_notes_are_kept_and_said_to_be(visit: Visit, owner: Any, faults: list[str]) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}", as_user=owner)
    page.get_by_label(f"Notes on {miner.name}").fill("new fan in May")
    page.locator("form", has=page.get_by_label(f"Notes on {miner.name}")).get_by_role("button").click()
    expect(page.locator("#toasts")).to_contain_text(f"Notes on {miner.name} kept.")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".toast")).to_have_count(0)
    expect(page.get_by_label(f"Notes on {miner.name}")).to_have_value("new fan in May")
    assert faults == []


def test_a_block_that_has_not_changed_is_left_alone(visit: Visit, owner: Any) -> None:
    miner = miner_at_work()
    page = visit(f"/miners/{miner.pk}", as_user=owner)
    drawn(page)
    refresh(page)  # learns the tags
    answers: list[int] = []
    page.on("response", lambda told: answers.append(told.status) if "/reading" in told.url else None)
    for _ in range(3):  # a minute may end between two of them, not twice
        refresh(page)
    assert 304 in answers
    expect(page.locator("#miner-reading")).to_contain_text("1.20 TH/s")
