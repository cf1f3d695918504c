"""A refresh of the dashboard moves nothing, and no line ends between a number and its unit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, settle
from tests.factories import MinerModelFactory
from tests.metrics.fleet_at_work import publish, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)
PHONE, DESK = {"width": 375, "height": 812}, {"width": 1280, "height": 720}

PLACES = """() => [...document.querySelectorAll(".block, .block > *, .figure, tbody tr")].map(element => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return [element.id || element.className, x, y, width, height];
})"""
MARK = """() => document.querySelectorAll(".block > *").forEach(element => { element.dataset.before = "" })"""

# The boxes of the text from a number to its unit: more than one where a line ends in between.
TORN = """() => {
  const found = [], texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const { 0: words, index } of texts.currentNode.data.matchAll(/\\d\\s(p|s|h|min|%|°C|kW|kWh|TH\\/s)(?![\\w/])/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, index);
      range.setEnd(texts.currentNode, index + words.length);
      const lines = new Set([...range.getClientRects()].map(box => box.bottom));
      if (lines.size > 1) found.push(texts.currentNode.data.trim());
    }
  }
  return found;
}"""


@pytest.fixture
def fleet(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Miners and prices at a moment that does not pass: what is read again is what was read before."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    working_miners(6, NOW - timedelta(seconds=20), hours=26)
    publish([18.5, 24.6, 15.3, 31.0] * 15, NOW - timedelta(hours=12, minutes=10))


def refresh_anew(page: Page) -> None:
    """Have every block answered in full, as it is when something has changed that none of them shows."""
    page.evaluate(MARK)
    MinerModelFactory(max_temperature_c=50)
    page.evaluate("() => document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    expect(page.locator("[data-before]")).to_have_count(0)
    settle(page)


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_a_refresh_keeps_place_focus_and_every_box(
    visit: Visit, member: Any, viewport: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member, viewport=viewport, prepare=lambda page: page.clock.set_fixed_time(NOW))
    assert page.evaluate(TORN) == []
    link = page.get_by_role("link", name="gamma-4", exact=True)
    link.scroll_into_view_if_needed()
    link.focus()
    top, boxes, words = page.evaluate("scrollY"), page.evaluate(PLACES), page.locator("main").inner_text()
    assert top > 0

    refresh_anew(page)
    assert page.evaluate("scrollY") == top
    expect(link).to_be_focused()
    assert page.evaluate(PLACES) == boxes
    assert page.locator("main").inner_text() == words
    assert faults == []
