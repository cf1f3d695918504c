"""Who looks at pages."""

import pytest
from django.test import Client

from hmm import installation
from tests.factories import UserFactory


@pytest.fixture
def member(client: Client) -> Client:
    """A client that is signed in as a user without rights of their own."""
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def _installation_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine its seconds pass within a test, and one more query would be counted."""
    monkeypatch.setattr(installation, "REMEMBER_S", 3600.0)
