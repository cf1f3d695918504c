"""Orders in the admin: history that nobody changes, and actions that ask why first."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from miners.control.ask import ask_command
from miners.drivers.orders import Kind
from miners.models import Command
from tests.factories import MinerFactory, UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIST = reverse("admin:miners_command_changelist")
MINERS = reverse("admin:miners_miner_changelist")


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(UserFactory(username="ann", is_staff=True, is_superuser=True))
    return client


def test_the_history_is_shown_and_not_changed(admin: Client) -> None:
    miner = MinerFactory(name="bench", host="192.0.2.1")
    command = ask_command(miner, Kind.FREQUENCY, {"frequency_mhz": 525}, who="bob", why="quieter", now=NOW)
    page = admin.get(LIST).content.decode()
    assert all(word in page for word in ("bench", "frequency_mhz=525", "bob", "quieter", "pending"))
    assert admin.get(f"{LIST}?status__exact=pending&kind__exact=frequency").status_code == 200
    assert admin.get(reverse("admin:miners_command_add")).status_code == 403
    assert admin.post(reverse("admin:miners_command_delete", args=[command.pk])).status_code == 403
    url = reverse("admin:miners_command_change", args=[command.pk])
    assert admin.post(url, {"status": "confirmed"}).status_code == 403


@pytest.mark.parametrize(
    ("kind", "arguments"), [("restart", {}), ("pause", {}), ("resume", {}), ("identify", {"light": "on"})]
)
def test_an_action_asks_why_and_then_gives_the_order(
    admin: Client, kind: str, arguments: dict[str, str], django_capture_on_commit_callbacks: Any
) -> None:
    here, nowhere = MinerFactory(name="here", host="192.0.2.1"), MinerFactory(name="nowhere")
    chosen = {"action": f"order_{kind}", "_selected_action": [here.pk, nowhere.pk]}
    asked = admin.post(MINERS, chosen).content.decode()
    assert f"Order 2 miners to {kind}" in asked
    assert not Command.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        response = admin.post(MINERS, chosen | {"why": "too dear"}, follow=True)
    page = response.content.decode()
    command = Command.objects.get()
    assert (command.miner, command.kind, command.who, command.why) == (here, kind, "ann", "too dear")
    assert command.arguments == arguments
    assert OrmQ.objects.count() == 1
    assert "Nothing was sent to nowhere: nowhere has no address" in page
    assert f"Sending {kind} to here" in page


def test_who_may_not_give_orders_has_no_such_action(db: None) -> None:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_miner", "view_miner"]))
    client = Client()
    client.force_login(user)
    miner = MinerFactory(host="192.0.2.1")
    assert "order_restart" not in client.get(MINERS).content.decode()
    client.post(MINERS, {"action": "order_restart", "_selected_action": [miner.pk], "why": "x"})
    assert not Command.objects.exists()
