"""The installation in the admin, and what the house notes about itself."""

from datetime import UTC, datetime

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from hmm.installation import installation
from hmm.models import Heartbeat, JobRun
from tests.factories import UserFactory

AT = datetime(2025, 6, 11, 12, 50, tzinfo=UTC)


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("model", ["jobrun", "heartbeat"])
def test_what_the_program_writes_is_only_looked_at(admin: Client, model: str) -> None:
    JobRun.objects.create(name="hourly", started_at=AT, duration_s=1.5, success=False, error="no disk")
    Heartbeat.objects.create(service="worker", at=AT)
    shown = admin.get(reverse(f"admin:hmm_{model}_changelist")).content.decode()
    assert {"jobrun": "no disk", "heartbeat": "worker"}[model] in shown
    assert admin.get(reverse(f"admin:hmm_{model}_add")).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_changing_the_installation_warns_and_is_seen_at_once(admin: Client) -> None:
    assert installation().time_zone == "Europe/London"
    address = reverse("admin:hmm_installation_change", args=[1])
    answer = admin.post(address, {"time_zone": "Europe/Berlin", "currency": "GBP"})
    assert answer.status_code == 302
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any("Europe/Berlin" in text and "merged anew" in text for text in said)
    assert installation().time_zone == "Europe/Berlin"


def test_time_zone_that_is_none_is_refused(admin: Client) -> None:
    installation()
    address = reverse("admin:hmm_installation_change", args=[1])
    answer = admin.post(address, {"time_zone": "Europe/Atlantis", "currency": "GBP"})
    assert "is not a time zone" in answer.content.decode()
    assert installation().time_zone == "Europe/London"
    assert admin.get(reverse("admin:hmm_installation_add")).status_code == 403
