"""A signed-in page in a real Chromium, with what its console complained of."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import UserFactory

Visit = Callable[..., Page]


@pytest.fixture
def faults() -> list[str]:
    """Errors and warnings of the console, violations of the policy among them, and uncaught exceptions."""
    return []


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer, faults: list[str]) -> Iterator[Visit]:
    """Open a path in a context of its own, `as_user` signed in; keywords are those of the context."""
    contexts = []

    def open_page(
        path: str = "/", *, as_user: Any = None, prepare: Callable[[Page], None] | None = None, **options: Any
    ) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        if as_user is not None:
            context.add_cookies([_session_cookie(as_user, live_server.url)])
        page = context.new_page()
        page.on(
            "console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        if prepare:
            prepare(page)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            settle(page)  # the server is done with the database before it is emptied
        context.close()


def settle(page: Page) -> None:
    """Wait until no block waits for its answer: htmx holds back its next request while one is under way."""
    expect(page.locator(".htmx-request")).to_have_count(0)


@pytest.fixture
def member(transactional_db: None) -> Any:
    """A user who may sign in."""
    return UserFactory(username="ann")


def _session_cookie(user: Any, url: str) -> Any:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}
