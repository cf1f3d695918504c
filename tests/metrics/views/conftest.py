"""Who looks at pages."""

import pytest
from django.test import Client

from tests.factories import UserFactory


@pytest.fixture
def member(client: Client) -> Client:
    """A client that is signed in as a user without rights of their own."""
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    return client
