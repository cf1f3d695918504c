"""The table of miners of a farm: searched, sorted and paged, and kept so when it refreshes itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import CharField, Value
from django.db.models.functions import Concat
from django.utils import timezone
from playwright.sync_api import Page, expect

from metrics.dashboard import table_page
from miners.models import Command, LatestReading, Miner, MinerModel, StateChange
from tests.browser.conftest import Visit, settle
from tests.factories import UserFactory
from tests.metrics.fleet_at_work import working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def names(page: Page) -> list[str]:
    settle(page)
    cells = page.locator("#miner-table tbody th")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


@pytest.fixture
def farm(transactional_db: None) -> None:
    now = timezone.now().replace(microsecond=0) - timedelta(seconds=20)
    for n, miner in enumerate(working_miners(12, now)):
        LatestReading.objects.filter(miner=miner).update(hashrate_ghs=1000.0 + n)


@pytest.mark.usefixtures("farm")
def test_it_is_searched_sorted_and_keeps_that_when_it_refreshes(
    visit: Visit, member: Any, faults: list[str]
) -> None:
    page = visit("/", as_user=member)
    assert names(page) == [f"gamma-{n}" for n in range(1, 13)]

    search = page.get_by_label("Search")
    search.press_sequentially("gamma-1")
    expect(page.locator("#miner-table tbody tr")).to_have_count(4)
    expect(search).to_be_focused()

    page.get_by_role("link", name="Hashrate", exact=True).click()
    expect(page.get_by_role("columnheader", name="Hashrate ↓")).to_be_visible()
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]
    assert page.url.endswith("/?sort=hashrate&order=desc&q=gamma-1")

    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]
    page.reload()
    assert names(page) == ["gamma-12", "gamma-11", "gamma-10", "gamma-1"]

    page.get_by_label("State", exact=True).select_option("unreachable")
    expect(page.get_by_text("No miner is like that.")).to_be_visible()
    page.get_by_role("link", name="Show all 12").click()
    assert len(names(page)) == 12
    assert faults == []


@pytest.mark.usefixtures("farm")
def test_pages_lead_on_and_back(visit: Visit, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_page, "ON_A_PAGE", 5)
    page = visit("/", as_user=member, viewport={"width": 375, "height": 800})
    assert names(page) == [f"gamma-{n}" for n in range(1, 6)]
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("6–10 of 12")).to_be_visible()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    assert names(page) == [f"gamma-{n}" for n in range(6, 11)]
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text("1–5 of 12")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def refresh(page: Page) -> None:
    page.evaluate("document.body.dispatchEvent(new CustomEvent('hmm:refresh'))")
    settle(page)


@pytest.mark.usefixtures("farm")
def test_miners_are_selected_by_keys_and_given_an_order_together(
    visit: Visit, transactional_db: None, faults: list[str]
) -> None:
    gammas = Miner.objects.filter(name__in=["gamma-1", "gamma-2"])
    gammas.update(driver="axeos")
    MinerModel.objects.filter(miner__in=gammas).update(
        name=Concat(Value("Gamma "), "pk", output_field=CharField())
    )
    LatestReading.objects.filter(miner__in=gammas).update(firmware="v2.14.0")
    page = visit("/", as_user=UserFactory(is_staff=True, is_superuser=True))
    row = page.get_by_role("checkbox", name="Select gamma-2", exact=True)

    for key in ("j", "x", "ArrowDown", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_have_text("3 selected")
    expect(page.get_by_role("link", name="gamma-3", exact=True)).to_be_focused()

    with page.expect_response("**/blocks/miner-table*"):
        StateChange.objects.create(
            miner=gammas[0], at=timezone.now(), state="online"
        )  # so that it comes anew
        refresh(page)
    expect(row).to_be_checked()
    expect(page.locator("#picked")).to_have_text("3 selected")
    expect(page.get_by_role("link", name="gamma-3", exact=True)).to_be_focused()

    page.keyboard.press("ArrowRight")
    hashrate = page.locator(f"#figure-hashrate-{Miner.objects.get(name='gamma-3').pk}")
    expect(hashrate).to_be_focused()
    refresh(page)
    expect(hashrate).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog#panel")).to_contain_text("Hashrate now")
    page.keyboard.press("Escape")
    expect(hashrate).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("link", name="gamma-3", exact=True)).to_be_focused()

    page.get_by_label("What to do", exact=True).select_option("pause")
    page.get_by_role("button", name="Go on").click()
    dialog = page.get_by_role("dialog", name="Pause 2 miners?")
    expect(dialog).to_contain_text("1 is left out")
    expect(dialog.get_by_role("listitem").filter(has_text="does not offer pause")).to_contain_text("gamma-3")
    expect(dialog.get_by_label("Why?")).to_be_focused()
    dialog.get_by_label("Why?").fill("dear hours")
    dialog.get_by_role("button", name="Yes, pause 2 miners").click()
    expect(page.locator(".toast")).to_contain_text("Pause is being sent to 2 miners.")
    assert sorted(Command.objects.values_list("miner__name", "why")) == [
        ("gamma-1", "dear hours"),
        ("gamma-2", "dear hours"),
    ]

    page.get_by_label("all 12 shown").check()
    expect(page.locator("#picked")).to_have_text("12 selected")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.press("Tab")
    page.get_by_role("link", name="gamma-1", exact=True).focus()
    page.keyboard.press("?")
    page.get_by_label("Single keys work on this device").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="gamma-1", exact=True)).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="gamma-1", exact=True)).to_be_focused()
    assert faults == []


@pytest.mark.usefixtures("farm")
def test_without_script_it_is_a_form_and_a_page(visit: Visit, transactional_db: None) -> None:
    owner = UserFactory(is_staff=True, is_superuser=True)
    page = visit("/?q=gamma-1", as_user=owner, java_script_enabled=False)
    expect(page.get_by_label("all 4 shown")).to_be_hidden()
    page.get_by_label("Select gamma-11").check()
    page.get_by_label("What to do", exact=True).select_option("begin maintenance")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Yes, begin maintenance of 1 miner").click()
    expect(page.get_by_text("Begin maintenance: done for 1 miner.")).to_be_visible()
    assert page.url.endswith("/?q=gamma-1#miner-table")
    assert Miner.objects.get(maintenance=True).name == "gamma-11"
