"""The page of a miner's orders."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from hmm.lib.sealed import unseal
from miners.models import Command, LatestReading, Miner
from tests.factories import MinerFactory, MinerModelFactory, UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PART = {"HX-Request": "true"}


def browser(*permissions: str) -> Client:
    user = UserFactory(username="ann")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


@pytest.fixture
def gamma(db: None) -> Miner:
    model = MinerModelFactory(name="Bitaxe Gamma 601")
    miner = MinerFactory(name="garage", model=model, driver="axeos", host="192.0.2.1")
    LatestReading.objects.create(miner=miner, timestamp=NOW, firmware="v2.14.0", frequency_mhz=600)
    return miner


def url(miner: Miner) -> str:
    return reverse("miners:commands", args=[miner.pk])


def given(miner: Miner, **fields: Any) -> Command:
    usual = {"kind": "pause", "who": "ann", "why": "too dear", "asked_at": NOW}
    return Command.objects.create(miner=miner, **usual | fields)


def test_orders_are_shown_with_what_became_of_them(gamma: Miner) -> None:
    given(
        gamma, status="drifted", sent="POST /api/system/pause", answer="HTTP 200", evidence="hashes 1.20 TH/s"
    )
    given(gamma, kind="frequency", arguments={"frequency_mhz": 525}, status="failed", answer="no <b>")
    page = browser().get(url(gamma)).content.decode()
    assert "<html" in page
    for word in ("too dear", "drifted", "hashes 1.20 TH/s", "POST /api/system/pause", "frequency_mhz=525"):
        assert word in page
    assert "no &lt;b&gt;" in page
    assert "<form" not in page.split('id="commands"')[1].partition("</main>")[0]
    assert "hx-trigger" not in page.split('id="commands"')[1]


def test_to_htmx_it_is_a_part_that_asks_again_while_an_order_is_open(gamma: Miner) -> None:
    given(gamma)
    part = browser("add_command").get(url(gamma), headers=PART)
    assert "HX-Request" in part["Vary"]
    text = part.content.decode()
    assert "<html" not in text
    assert 'hx-trigger="every 3s"' in text


def test_only_what_is_offered_can_be_ordered(gamma: Miner) -> None:
    client = browser("add_command")
    page = client.get(url(gamma)).content.decode()
    for kind in ("restart", "pause", "resume", "identify", "frequency", "pool"):
        assert f'name="kind" value="{kind}"' in page
    assert 'min="400" max="625" value="600"' in page
    assert 'value="mode"' not in page
    LatestReading.objects.filter(miner=gamma).update(firmware="v2.9.0")
    old = client.get(url(gamma)).content.decode()
    assert 'value="pause"' not in old
    assert "It cannot pause before AxeOS v2.14" in old


def test_an_avalons_pool_is_set_with_its_password_which_waits_sealed(
    db: None, django_capture_on_commit_callbacks: Any
) -> None:
    model = MinerModelFactory(name="Avalon Q", driver="avalon")
    miner = MinerFactory(model=model, driver="avalon", host="192.0.2.1")
    client = browser("add_command")
    page = client.get(url(miner)).content.decode()
    assert '<option value="1">standard</option>' in page
    assert re.search('name="device_password"[^>]* required', page)
    fields = {"kind": "pool", "slot": "fallback", "url": "pool.example:3333", "user": "me", "why": "own pool"}
    with django_capture_on_commit_callbacks(execute=True):
        client.post(url(miner), fields | {"device_password": "hunter2", "pool_password": ""})
    command_id, sealed = OrmQ.objects.get().task["args"]
    assert {name: unseal(word) for name, word in sealed.items()} == {"device": "hunter2"}
    assert "hunter2" not in str(sealed)
    assert "hunter2" not in str(Command.objects.values().get(pk=command_id))


def test_what_takes_another_password_asks_for_it_but_needs_none(db: None) -> None:
    page = browser("add_command").get(url(MinerFactory(driver="farm", host="192.0.2.1"))).content.decode()
    assert page.count('name="device_password"') == 2
    assert not re.search('name="device_password"[^>]* required', page)


def test_what_takes_no_orders_says_so(db: None) -> None:
    page = browser("add_command").get(url(MinerFactory(driver="nmminer"))).content.decode()
    assert "Nothing can be ordered of it: it takes its pools only together with the Wi-Fi" in page


def test_an_order_of_the_form_is_noted_and_queued(
    gamma: Miner, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        fields = {"kind": "frequency", "frequency_mhz": "525", "core_voltage_mv": "", "why": "quieter"}
        response = browser("add_command").post(url(gamma), fields)
    assert (response.status_code, response["Location"]) == (302, url(gamma))
    command = Command.objects.get()
    assert (command.kind, command.arguments, command.who, command.why, command.status) == (
        "frequency",
        {"frequency_mhz": 525},
        "ann",
        "quieter",
        "pending",
    )
    assert OrmQ.objects.get().task["args"] == (command.pk,)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "pause"}, "say why"),
        ({"kind": "explode", "why": "x"}, "explode"),
        ({"kind": "frequency", "why": "x"}, "frequency needs"),
        ({"kind": "pool", "url": "nope", "user": "u", "why": "x"}, "is not a pool"),
    ],
)
def test_a_form_that_makes_no_sense_is_answered_in_place(
    gamma: Miner, fields: dict[str, str], says: str
) -> None:
    response = browser("add_command").post(url(gamma), fields, headers=PART)
    assert says in response.content.decode()
    assert 'role="alert"' in response.content.decode()
    assert not Command.objects.exists()


def test_the_same_order_again_says_that_it_is_open(gamma: Miner) -> None:
    client = browser("add_command")
    client.post(url(gamma), {"kind": "pause", "why": "x"}, headers=PART)
    page = client.post(url(gamma), {"kind": "pause", "why": "x"}, headers=PART).content.decode()
    assert "the same order is still open" in page
    assert Command.objects.count() == 1


def test_orders_need_a_login_a_permission_and_a_token_of_the_form(gamma: Miner) -> None:
    assert Client().get(url(gamma)).status_code == 302
    assert browser().post(url(gamma), {"kind": "pause", "why": "x"}).status_code == 403
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(UserFactory(is_superuser=True))
    assert guarded.post(url(gamma), {"kind": "pause", "why": "x"}).status_code == 403
    assert not Command.objects.exists()


def test_a_miner_that_is_not_there_is_not_found(db: None) -> None:
    assert browser().get(reverse("miners:commands", args=[999])).status_code == 404


def test_the_page_takes_as_many_queries_whatever_there_is(
    gamma: Miner, django_assert_num_queries: Any
) -> None:
    client = browser("add_command")
    client.get(url(gamma))
    counts = []
    for _ in range(2):
        with django_assert_num_queries(5) as counted:
            client.get(url(gamma))
        counts.append(len(counted))
        for number in range(30):
            given(gamma, why=f"reason {number}", status="confirmed")
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (
            {"kind": "frequency", "frequency_mhz": "9999999", "core_voltage_mv": "1150", "why": "faster"},
            ['value="9999999"', 'value="1150"', 'name="why" value="faster"'],
        ),
        (
            {"kind": "pool", "url": "nope <b>", "user": "bc1q", "slot": "fallback", "why": "own pool"},
            ['value="nope &lt;b&gt;"', 'value="bc1q"', 'value="fallback" selected', 'value="own pool"'],
        ),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_is_the_only_one_open(
    gamma: Miner, fields: dict[str, str], kept: list[str]
) -> None:
    given_too = fields | {"pool_password": "never said again", "device_password": "never said again"}
    page = browser("add_command").post(url(gamma), given_too, headers=PART).content.decode()
    for words in kept:
        assert words in page
    assert "never said again" not in page
    assert page.count("<details open>") == 1
    assert page.count(f'value="{fields["why"]}"') == 1
