"""An empty page says what to do about it, to whom can."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.metrics.fleet_at_work import working_miners
from tests.pages import words_of

PAGES = ["/", "/ledger", "/analytics", "/analytics?view=ranking", "/analytics?view=waterfall"]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", PAGES)
def test_where_there_is_no_miner_it_says_how_to_get_one(address: str, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"), "django.contrib.auth.backends.ModelBackend")
    page = client.get(address)
    assert "There is no miner yet" in words_of(page)
    assert f'href="{reverse("miners:discovery")}">Look on the network' in page.text
    working_miners(1, timezone.now(), hours=0)
    assert "There is no miner yet" not in words_of(client.get(address))


@pytest.mark.parametrize("address", PAGES)
def test_who_cannot_is_told_who_can(address: str, member: Client) -> None:
    page = words_of(member.get(address))
    assert "Whoever runs this HMM can add one." in page
    assert "Look on the network" not in page
