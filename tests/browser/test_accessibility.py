"""Every page by axe-core's rules of WCAG 2.2 AA, in both themes, on a phone and on a desk; none scrolls sideways."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver
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
THEMES = ("light", "dark")
PAGES = {
    "metrics:dashboard": ["/", "/?q=gamma&state=hashing"],
    "metrics:miner": ["/miners/{miner}", "/miners/{miner}?span=30d&by=monthly"],
    "metrics:strategy_ranking": ["/strategies/ranking"],
    "metrics:pools": ["/pools"],
    "metrics:system": ["/system"],
    "metrics:ledger": ["/ledger"],
    "metrics:prices": ["/prices"],
    "metrics:analytics": [
        "/analytics?metric=hashrate.avg",
        "/analytics?view=calendar",
        "/analytics?view=bands",
        "/analytics?view=ranking",
    ],
    "metrics:explain": [
        "/explain?type=energy_cost&key=total_kwh&entity_type=system&period=daily&at={today}",
        "/explain?formed=view&view=bands&column=kwh&line=10–20+p",
    ],
    "metrics:retention": ["/retention"],
    "miners:commands": ["/miners/{miner}/commands"],
    "miners:welcome": ["/welcome"],
    "miners:discovery": ["/discovery"],
    "admin": ["/admin/", "/admin/miners/miner/", "/admin/hmm/jobrun/"],
    "login": ["/login/"],
    "": ["/nowhere"],
}
"""Every page by the name of its URL, with the addresses at which it is looked at; "" has a name of its own."""

LOOKED_AT_ELSEWHERE = {
    "metrics:miners_together": "test_what_opens_over_a_page_can_be_used_by_everyone",
}
BLOCKS = {
    "metrics": "fleet_summary price_bars miner_table fleet_attention fleet_yesterday fleet_vitals miner_reading miner_health "
    "miner_money miner_charts pool_table pools_now system_block price_outlook",
    "miners": "discovery_run",
    "": "system_metrics outside_sources",
}
"""What is shown within a page, by its namespace."""
NO_PAGES = {
    "metrics": "miner_series miner_notes ledger_csv analytics_csv analytics_json prometheus",
    "miners": "welcome_place welcome_electricity discovery_add",
    "": "logout theme",
}
"""Figures for programs, and forms that lead to a page."""


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
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("async (rules) => (await axe.run(rules)).violations", RULES)
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]}" for rule in found for node in rule["nodes"]
    ]


def is_drawn(page: Page) -> None:
    settle(page)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def is_for_everyone(page: Page) -> None:
    """Hold what axe says of the page in both themes, on a phone and on a desk, and that it does not scroll sideways."""
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        is_drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        for theme in THEMES:
            # Else colours are on their way from one theme to the other when axe looks.
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert complaints(page) == [], theme


@pytest.mark.parametrize("address", [address for addresses in PAGES.values() for address in addresses])
def test_a_page_can_be_used_by_everyone(visit: Visit, owner: Any, fleet: list[Miner], address: str) -> None:
    path = address.format(miner=fleet[0].pk, today=timezone.localdate())
    who = None if path == "/login/" else owner
    page = visit(path, as_user=who, viewport=SIZES[0])
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
    is_for_everyone(page)


def test_no_page_is_forgotten() -> None:
    told = {namespace: set(names.split()) for namespace, names in BLOCKS.items()}
    for namespace, names in NO_PAGES.items():
        told[namespace] |= set(names.split())
    known = {f"{space}:{name}".lstrip(":") for space, names in told.items() for name in names}
    known |= set(PAGES) | set(LOOKED_AT_ELSEWHERE)
    assert set(names_of(get_resolver())) == known - {""}


def names_of(resolver: URLResolver, space: str = "") -> Iterator[str]:
    """Yield the names of all URLs; the admin's are one, the API's none: its pages are those of its packages."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}:{pattern.name}".lstrip(":")
        elif pattern.namespace == "admin":
            yield "admin"
        elif pattern.namespace != "api":
            yield from names_of(pattern, pattern.namespace or space)


def test_what_opens_over_a_page_can_be_used_by_everyone(visit: Visit, owner: Any, fleet: list[Miner]) -> None:
    page = visit("/", as_user=owner, viewport=SIZES[0])
    page.get_by_label(f"Select {fleet[1]}", exact=True).check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    is_for_everyone(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keys in the table").click()
    is_for_everyone(page)
    page.keyboard.press("Escape")
    page.evaluate("() => document.getElementById('miner-deeds').submit()")  # as without script
    expect(page.get_by_role("heading", name="Restart")).to_be_visible()
    is_for_everyone(page)


def test_what_is_wrong_is_found(visit: Visit, owner: Any) -> None:
    page = visit("/welcome", as_user=owner)
    page.evaluate("() => document.querySelector('main').append(document.createElement('img'))")
    assert [line.partition(":")[0] for line in complaints(page)] == ["image-alt"]


def test_an_empty_house_can_be_used_by_everyone(visit: Visit, owner: Any) -> None:
    for path in ("/", "/welcome"):
        is_for_everyone(visit(path, as_user=owner, viewport=SIZES[0]))
