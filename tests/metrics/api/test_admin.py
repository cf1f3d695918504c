"""Tokens in the admin, and how far the store is filled."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from metrics.models import ApiToken, Watermark
from metrics.models.token import create_token
from tests.factories import UserFactory
from tests.metrics.api.conftest import NOW, hourly


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def test_new_token_is_shown_once_and_reads(admin: Client) -> None:
    answer = admin.post(
        reverse("admin:metrics_apitoken_add"), {"name": "grafana", "scope": "read"}, follow=True
    )
    page = answer.content.decode()
    (token,) = re.findall(r"shown only this once: ([\w-]+)", page)
    assert token not in admin.get(reverse("admin:metrics_apitoken_changelist")).content.decode()
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/metrics", hourly(), headers=headers).status_code == 200


def test_used_name_is_refused(admin: Client) -> None:
    create_token("grafana")
    answer = admin.post(reverse("admin:metrics_apitoken_add"), {"name": "grafana", "scope": "read"})
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
    assert ApiToken.objects.count() == 1


def test_renaming_leaves_the_token_as_it_is(admin: Client) -> None:
    create_token("grafana")
    token = ApiToken.objects.get()
    admin.post(reverse("admin:metrics_apitoken_change", args=[token.pk]), {"name": "prometheus"})
    renamed = ApiToken.objects.get()
    assert (renamed.name, renamed.digest) == ("prometheus", token.digest)


def test_revoking_ends_a_token(admin: Client) -> None:
    secret = create_token("grafana")
    create_token("other")
    chosen = ApiToken.objects.get(name="grafana")
    address = reverse("admin:metrics_apitoken_changelist")
    admin.post(address, {"action": "revoke", "_selected_action": [chosen.pk]})
    assert ApiToken.objects.get(name="grafana").revoked_at == NOW
    assert ApiToken.objects.get(name="other").revoked_at is None
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/metrics", hourly(), headers=headers).status_code == 401


def test_how_far_the_store_is_filled_is_only_looked_at(admin: Client) -> None:
    Watermark.objects.create(period="slot", filled_to=NOW)
    assert "slot" in admin.get(reverse("admin:metrics_watermark_changelist")).content.decode()
    assert admin.get(reverse("admin:metrics_watermark_add")).status_code == 403
