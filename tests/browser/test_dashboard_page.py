"""The dashboard as a person meets it: signs in, figures change by themselves, hidden tabs rest."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, looks, settle
from tests.factories import PASSWORD
from tests.metrics.fleet_at_work import publish, report, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BLOCKS = ("fleet-summary", "fleet-attention", "price-bars", "miner-table")
"""Those of a house without any miner."""

HIDEABLE = """
Object.defineProperty(document, "visibilityState", {get: () => (window.isHidden ? "hidden" : "visible")});
"""


def refresh(page: Page) -> None:
    """Do what the page's timer does; return once each block has its answer, or none."""
    page.evaluate("() => document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    settle(page)


def turn(page: Page, hidden: bool) -> None:
    """Hide the tab, or show it again."""
    page.evaluate(
        "hidden => { window.isHidden = hidden; document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


@contextmanager
def every_block_answered(page: Page) -> Iterator[None]:
    """Leave once each block has its answer, and has put it in its place."""
    with ExitStack() as answers:
        for block in BLOCKS:
            answers.enter_context(page.expect_response(re.compile(rf"/blocks/{block}(\?|$)")))
        yield
    settle(page)


def a_moment_ago() -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(seconds=20)


def prices_from_now(pence: list[float]) -> None:
    publish(pence, a_moment_ago().replace(minute=0, second=0) - timedelta(hours=1))


def test_signs_in_and_sees_figures_change_without_a_fault_in_the_console(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    miner = working_miners(1, a_moment_ago())[0]
    prices_from_now([12, 14, 18.4, 22, -3, 31, 8, 16])
    page = visit("/")
    page.get_by_label("User name").fill(member.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    summary, table = page.locator("#fleet-summary"), page.locator("#miner-table")
    expect(summary).to_contain_text("1 of 1 hashing")
    expect(table.get_by_role("row", name="gamma-1")).to_contain_text("1.20 TH/s")
    expect(page.get_by_role("img", name="Price per kWh")).to_be_visible()

    report(miner, timezone.now(), hashrate_ghs=600.0)
    refresh(page)
    expect(summary).to_contain_text("600 GH/s")
    expect(table.get_by_role("row", name="gamma-1")).to_contain_text("600 GH/s")
    assert faults == []


def test_refreshes_by_itself_rests_while_hidden_and_catches_up_at_once(visit: Visit, member: Any) -> None:
    asked: list[str] = []

    def prepare(page: Page) -> None:
        page.clock.install()
        page.add_init_script(HIDEABLE)
        page.on("request", lambda request: asked.append(request.url) if "/blocks/" in request.url else None)

    page = visit("/", as_user=member, prepare=prepare)
    with every_block_answered(page):
        page.clock.fast_forward(31_000)
    assert len(asked) == len(BLOCKS)

    turn(page, hidden=True)
    page.clock.run_for(300_000)
    assert len(asked) == len(BLOCKS)

    with every_block_answered(page):
        turn(page, hidden=False)
    assert len(asked) == 2 * len(BLOCKS)


def test_says_so_when_the_server_is_away_and_stops_when_it_is_back(visit: Visit, member: Any) -> None:
    working_miners(1, a_moment_ago())
    page = visit("/", as_user=member)
    page.route("**/blocks/**", lambda route: route.abort())
    refresh(page)
    expect(page.get_by_role("status")).to_contain_text("the server does not answer")
    expect(page.locator("#miner-table")).to_contain_text("gamma-1")
    page.unroute("**/blocks/**")
    refresh(page)
    expect(page.get_by_role("status")).to_be_hidden()


def test_a_session_that_is_over_takes_the_whole_page_to_the_login(visit: Visit, member: Any) -> None:
    page = visit("/", as_user=member)
    Session.objects.all().delete()
    cache.clear()
    refresh(page)
    page.wait_for_url("**/login/?next=/")
    expect(page.get_by_role("button", name="Sign in")).to_have_count(1)
    expect(page.locator("#fleet-summary")).to_have_count(0)


def test_what_is_opened_stays_open_when_its_block_is_replaced(visit: Visit, member: Any) -> None:
    prices_from_now([12, 14, 18.4, 22, 8])
    page = visit("/", as_user=member)
    page.get_by_text("As a table").click()
    before = page.locator("#price-bars details").element_handle()
    refresh(page)
    assert not before.evaluate("element => element.isConnected")
    expect(page.get_by_role("table", name="Prices of")).to_be_visible()


def test_fits_every_width_in_both_themes(visit: Visit, member: Any, faults: list[str]) -> None:
    working_miners(2, a_moment_ago())
    prices_from_now([12, 14, 18.4, 22, -3, 31, 8, 16] * 6)
    page = visit("/", as_user=member)
    for _ in looks(page, (375, 820, 1280)):
        expect(page.locator("#miner-table")).to_contain_text("gamma-2")
    assert faults == []
