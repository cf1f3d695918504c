"""Every page by axe-core's rules of WCAG 2.2 AA, in both themes, on a phone and on a desk; none scrolls sideways."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from energy.models import Tariff
from miners.models import Miner, StateChange
from miners.views import discovery
from tests.browser.conftest import Visit, settle
from tests.factories import UserFactory
from tests.metrics.fleet_at_work import publish, working_miners

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
SIZES = ({"width": 375, "height": 812}, {"width": 1280, "height": 900})
PAGES = {
    "dashboard": "/",
    "miner": "/miners/{miner}",
    "miner of a month": "/miners/{miner}?span=30d&by=monthly",
    "set up": "/welcome",
    "discovery": "/discovery",
    "strategies": "/strategies/ranking",
    "pools": "/pools",
    "system": "/system",
    "ledger": "/ledger",
    "prices": "/prices",
    "explanation": "/explain?type=energy_cost&key=total_kwh&entity_type=system&period=daily&at={today}",
    "analytics": "/analytics?metric=hashrate.avg",
    "calendar": "/analytics?view=calendar",
    "energy by price": "/analytics?view=bands",
    "no such page": "/nowhere",
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "own_network", lambda: None)  # tests know none


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return UserFactory(username="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def fleet() -> list[Miner]:
    """A fleet with something wrong, so that every tone is on the page, and prices of every band."""
    now = timezone.now().replace(microsecond=0)
    miners = working_miners(3, now, hours=3)
    StateChange.objects.create(
        miner=miners[0], at=now - timedelta(hours=1), state="unreachable", reason="timed out"
    )
    Miner.objects.filter(pk=miners[0].pk).update(
        state="unreachable", state_reason="timed out after 5 s", state_since=now - timedelta(minutes=8)
    )
    Tariff.objects.filter(pk=1).update(fetch_error="HTTP 503 from the price service")
    publish([12, 18.4, -3, 5, 25, 41, 8, 16], now.replace(minute=0, second=0) - timedelta(hours=1))
    return miners


def complaints(page: Page) -> list[str]:
    """Return what axe finds wrong, one line each."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]}" for rule in found for node in rule["nodes"]
    ]


def is_drawn(page: Page) -> None:
    settle(page)
    expect(page.locator("[aria-busy]")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_everyone(
    visit: Visit, owner: Any, fleet: list[Miner], name: str, theme: str
) -> None:
    path = PAGES[name].format(miner=fleet[0].pk, today=timezone.localdate())
    page = visit(path, as_user=owner, color_scheme=theme, viewport=SIZES[0])
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        is_drawn(page)
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_what_is_wrong_is_found(visit: Visit, owner: Any) -> None:
    page = visit("/welcome", as_user=owner)
    page.evaluate("() => document.querySelector('main').append(document.createElement('img'))")
    assert [line.partition(":")[0] for line in complaints(page)] == ["image-alt"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_empty_house_can_be_used_by_everyone(visit: Visit, owner: Any, theme: str) -> None:
    for path in ("/", "/welcome"):
        page = visit(path, as_user=owner, color_scheme=theme, viewport=SIZES[0])
        assert complaints(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_can_sign_in_by_these_rules(visit: Visit, transactional_db: None, theme: str) -> None:
    assert complaints(visit("/login/", color_scheme=theme, viewport=SIZES[0])) == []
