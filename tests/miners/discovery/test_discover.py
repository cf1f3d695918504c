"""`manage.py discover`, the progress of a scan in the background, and its page."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django_q.models import OrmQ

from miners.discovery import scan
from miners.discovery.run import Progress, follow_steps, progress
from miners.discovery.scan import Step
from miners.models import Miner, MinerModel
from miners.tasks import discover
from tests.factories import SiteFactory, UserFactory
from tests.miners.discovery.conftest import NETWORK, avalon_at, mac

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _deaf(monkeypatch):
    """Nobody broadcasts here: do not wait for those who might."""
    monkeypatch.setattr("miners.discovery.networks.ROUTE_TO", ("127.0.0.1", 9))
    monkeypatch.setattr(scan.scan, "__kwdefaults__", scan.scan.__kwdefaults__ | {"listen_s": 0.0})


@pytest.fixture
def site():
    return SiteFactory()


def command(capsys, *arguments):
    call_command("discover", *arguments)
    return capsys.readouterr().out.splitlines()


def refusal(*arguments):
    with pytest.raises(CommandError) as caught:
        call_command("discover", *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_what_is_found_is_told_and_nothing_is_kept(capsys, devices):
    lines = command(capsys, f"{NETWORK}.254")
    assert re.fullmatch(rf"new +{NETWORK}\.254 +Bitaxe Gamma 601, 1\.05 TH/s, {mac(254)}", lines[0])
    assert lines[1] == "1 miner in 1 address"
    assert Miner.objects.count() == 0


def test_new_miners_are_added_once(capsys, devices, site):
    devices.enter_context(avalon_at(f"{NETWORK}.20", 20))
    told = [
        json.loads(line)
        for line in command(capsys, f"{NETWORK}.0/24", "--add", "--json", "--site-id", str(site.pk))
    ]
    assert {row["standing"] for row in told} == {"new"}
    kept = {miner.host: miner for miner in Miner.objects.all()}
    assert set(kept) == {f"{NETWORK}.20", f"{NETWORK}.254"}
    assert (kept[f"{NETWORK}.20"].driver, kept[f"{NETWORK}.20"].identity) == ("avalon", mac(20))
    assert set(MinerModel.objects.values_list("name", flat=True)) >= {"Avalon Q", "Bitaxe Gamma 601"}
    again = [
        json.loads(line)
        for line in command(capsys, f"{NETWORK}.0/24", "--add", "--json", "--site-id", str(site.pk))
    ]
    assert {row["standing"] for row in again} == {"known"}
    assert Miner.objects.count() == 2


def miner(site, **fields):
    return Miner.objects.create(site=site, **fields)


def test_a_miner_that_moved_is_followed_only_when_asked(capsys, devices, site):
    moved = miner(site, name="garage", host=f"{NETWORK}.99", identity=mac(254))
    assert "is garage, which was at" in command(capsys, f"{NETWORK}.254", "--add")[0]
    moved.refresh_from_db()
    assert moved.host == f"{NETWORK}.99"
    assert "followed: garage" in command(capsys, f"{NETWORK}.254", "--follow")[0]
    moved.refresh_from_db()
    assert (moved.host, Miner.objects.count()) == (f"{NETWORK}.254", 1)


def test_a_miner_is_not_followed_to_anothers_address(capsys, devices, site):
    miner(site, name="garage", host=f"{NETWORK}.99", identity=mac(254))
    miner(site, name="shed", host=f"{NETWORK}.254")
    line = command(capsys, f"{NETWORK}.254", "--follow")[0]
    assert "not kept: shed has the address" in line


def test_another_device_at_a_known_address_is_named_with_both_identities(capsys, devices, site):
    miner(site, name="garage", host=f"{NETWORK}.254", identity=mac(1))
    line = command(capsys, f"{NETWORK}.254", "--add")[0]
    assert line.startswith("another device")
    assert mac(254) in line
    assert mac(1) in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["8.8.8.0/24"], "insist with --public"),
        (["10.0.0.0/16"], "insist with --yes"),
        (["garage"], "'garage' is not a network such as 192.168.1.0/24"),
        (["10.0.0.0/24", "--port", "0"], "'0' is not a port from 1 to 65535"),
        (["127.0.0.1", "--add", "--site-id", "987654"], "no site has the id 987654"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    assert words in refusal(*arguments)


@pytest.fixture
def browser(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    return client


def test_the_page_starts_a_search_and_shows_what_it_finds(browser, devices, site):
    response = browser.post(reverse("miners:discovery"), {"network": f"{NETWORK}.254"})
    run_id = response["Location"].partition("run=")[2]
    assert OrmQ.objects.count() == 1
    waiting = browser.get(response["Location"]).content.decode()
    assert "0 of 1 address" in waiting
    assert 'hx-trigger="every 1s"' in waiting

    assert discover(run_id, f"{NETWORK}.254/32") == 1
    shown = browser.get(reverse("miners:discovery_run", args=[run_id])).content.decode()
    assert "Done: 1 miner in 1 address" in shown
    assert "hx-trigger" not in shown

    browser.post(
        reverse("miners:discovery_add", args=[run_id]), {"address": f"{NETWORK}.254", "site": site.pk}
    )
    added = Miner.objects.get()
    assert (added.host, added.identity, added.site) == (f"{NETWORK}.254", mac(254), site)
    assert f"is {added.name}" in browser.get(reverse("miners:discovery_run", args=[run_id])).content.decode()


def test_a_second_click_finds_it_done(browser, devices, site):
    discover("a1", f"{NETWORK}.254/32")
    url = reverse("miners:discovery_add", args=["a1"])
    asked = {"address": f"{NETWORK}.254", "site": site.pk}
    first, second = (browser.post(url, asked, headers={"HX-Request": "true"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert f"is {Miner.objects.get().name}" in second.content.decode()


def test_a_click_that_cannot_be_done_says_why(browser, devices, site):
    discover("a1", f"{NETWORK}.254/32")
    miner(site, name=f"{NETWORK}.254", host="10.9.9.9")
    url = reverse("miners:discovery_add", args=["a1"])
    response = browser.post(
        url, {"address": f"{NETWORK}.254", "site": site.pk}, headers={"HX-Request": "true"}
    )
    assert "choose another name" in response.content.decode()


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("8.8.8.0/24", "not a private network"),
        ("10.0.0.0/8", "more than a /20"),
        ("x", "is not a network"),
        ("", "required"),
    ],
)
def test_the_page_refuses_what_it_should(browser, network, words):
    response = browser.post(reverse("miners:discovery"), {"network": network})
    assert response.status_code == 200
    assert words in response.content.decode()
    assert OrmQ.objects.count() == 0


def test_the_page_asks_the_same_number_of_questions_for_any_number_of_miners(
    browser, devices, site, django_assert_num_queries
):
    for number in range(30, 36):
        devices.enter_context(avalon_at(f"{NETWORK}.{number}", number))
    discover("a2", f"{NETWORK}.0/24")
    assert len(progress("a2").found) == 7
    with django_assert_num_queries(4):
        browser.get(reverse("miners:discovery_run", args=["a2"]))


def test_only_who_may_add_miners_may_look(client):
    client.force_login(UserFactory())
    assert client.get(reverse("miners:discovery")).status_code == 403
    assert client.post(reverse("miners:discovery"), {"network": "10.0.0.0/24"}).status_code == 403
    assert client.post(reverse("miners:discovery_add", args=["a"])).status_code == 403


def test_a_search_that_is_forgotten_says_so(browser):
    assert "look again" in browser.get(reverse("miners:discovery_run", args=["none"])).content.decode()
    assert browser.post(reverse("miners:discovery_add", args=["none"]), {"address": "x"}).status_code == 404


def test_nobody_waits_for_a_search_that_broke_off():
    def steps():
        yield Step(1, 2)
        raise OSError("too many open files")

    with pytest.raises(OSError, match="too many"):
        follow_steps("broken", Progress("192.168.1.0/31", 2), steps())
    reached = progress("broken")
    assert reached is not None
    assert (reached.done, reached.is_over) == (1, True)
