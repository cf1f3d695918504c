"""A signed-in page in a real Chromium, with what its console complained of."""

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import UserFactory
from tests.metrics.fleet_at_work import publish, working_miners
from tests.waiting import wait_for

Visit = Callable[..., Page]
DESK = {"width": 1280, "height": 720}
SURFACES: dict[Any, str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 29, 37)"}
"""What a card is painted with, by theme."""


@pytest.fixture
def faults() -> list[str]:
    """Errors and warnings of the console, violations of the policy among them, and uncaught exceptions."""
    return []


@pytest.fixture(scope="session")
def shared_context(
    browser: Browser, live_server: LiveServer, django_db_setup: None
) -> Iterator[BrowserContext]:
    """The context of every page that needs none of its own: Chromium takes half a second of work to make one."""
    context = browser.new_context(base_url=live_server.url)
    yield context
    context.close()
    wait_for(lambda: not _answering(), "the live server to let go of the database")


GIVEN_UP = ("htmx:sendAbort", "htmx:afterRequest")
"""htmx calls it an error that a newer question took the place of one; of one that failed it says more than these."""


def _is_fault(said: ConsoleMessage) -> bool:
    return said.type in ("error", "warning") and not said.text.startswith(GIVEN_UP)


def _answering() -> list[threading.Thread]:
    """Return the threads of the live server, each of which keeps a connection of Chromium and one to the database."""
    return [each for each in threading.enumerate() if "process_request_thread" in each.name]


@pytest.fixture
def visit(
    browser: Browser, shared_context: BrowserContext, live_server: LiveServer, faults: list[str]
) -> Iterator[Visit]:
    """Open a path, `as_user` signed in (one user a test); keywords but size and theme are those of a context of its own."""
    contexts = [shared_context]

    def open_page(
        path: str = "/",
        *,
        as_user: Any = None,
        prepare: Callable[[Page], None] | None = None,
        viewport: Any = DESK,
        color_scheme: Any = "light",
        **options: Any,
    ) -> Page:
        context = shared_context
        if prepare or options:  # a clock or a script that is prepared stays for as long as the context does
            contexts.append(context := browser.new_context(base_url=live_server.url, **options))
        if as_user is not None:
            context.add_cookies([_session_cookie(as_user, live_server.url)])
        page = context.new_page()
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme)
        page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if prepare:
            prepare(page)
        page.goto(path)
        return page

    yield open_page
    try:
        for context in contexts:
            for page in context.pages:
                settle(page)  # the server is done with the database before it is emptied
    finally:
        for page in shared_context.pages:
            page.close()
        shared_context.clear_cookies()
        for context in contexts[1:]:
            context.close()


def looks(page: Page, widths: Iterable[int] = (375, 1280)) -> Iterator[int]:
    """Show the page anew at each width, and there in each theme; in none may it scroll sideways. Gives the widths."""
    address = page.url
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(address)
        for theme, surface in SURFACES.items():
            page.emulate_media(color_scheme=theme)
            expect(page.locator(".card").first).to_have_css("background-color", surface)
            yield width
            settle(page)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, (width, theme)


def settle(page: Page) -> None:
    """Wait until no block waits for its answer: htmx holds back its next request while one is under way."""
    expect(page.locator(".htmx-request")).to_have_count(0)


@pytest.fixture
def two_miners_and_prices(transactional_db: None) -> None:
    """Two miners at work since yesterday, and what their electricity cost."""
    now = timezone.now().replace(microsecond=0)
    working_miners(2, now - timedelta(seconds=20), hours=26)
    publish([18.5] * 60, now.replace(minute=0, second=0) - timedelta(hours=28))


@pytest.fixture
def member(transactional_db: None) -> Any:
    """A user who may sign in."""
    return UserFactory(username="ann")


def _session_cookie(user: Any, url: str) -> Any:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}
