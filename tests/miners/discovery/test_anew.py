"""A known miner is read by a better driver where there is one, and never another device in its place."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.urls import reverse

from miners.collector.poll import Target, wrong_device
from miners.discovery.anew import learn, look_again, why_not
from miners.drivers import Reading
from miners.drivers.farm import FarmDriver
from miners.models import LatestReading, Miner
from tests.factories import MinerFactory
from tests.miners.discovery.conftest import NETWORK, avalon_at, mac, nothing_at

OURS, OTHER, SERIAL = mac(7), mac(8), "SER0012345"


def read(driver="farm", **told):
    return Reading(driver=driver, hashrate_ghs=1.0, **told)


def known(driver="cgminer", identity=OURS, **more) -> Miner:
    return Miner(name="rig", host=f"{NETWORK}.7", driver=driver, identity=identity, **more)


@pytest.mark.parametrize(
    ("miner", "reading", "words"),
    [
        (known(), read(identity=OURS), ""),
        (known(identity=SERIAL), read(identity=OURS, serial=SERIAL), ""),
        (known(), read("avalon", identity=OURS), ""),
        (known(), read(identity=OTHER), f"another device answers: {OTHER}, not {OURS}"),
        (known(identity=SERIAL), read(serial="SER0099999"), "another device answers: SER0099999"),
        (known(), read(serial=SERIAL), f"does not say that it is {OURS}"),
        (known(), read(), f"does not say that it is {OURS}"),
        (known(identity=""), read(identity=OURS), ""),
        (known(), read("cgminer", identity=OURS), "cgminer is no better one"),
        (known("axeos"), read(identity=OURS), "farm is no better one"),
        (known(""), read(identity=OURS), "farm is no better one"),
    ],
)
def test_who_is_read_by_another_driver(miner, reading, words):
    reason = why_not(miner, reading)
    assert words in reason
    assert bool(words) is bool(reason)


@pytest.mark.parametrize(
    ("identity", "told", "refused"),
    [
        (OURS, {"serial": SERIAL}, None),
        (OURS, {"identity": OURS, "serial": SERIAL}, None),
        (SERIAL, {"identity": OURS, "serial": SERIAL}, None),
        ("", {"serial": SERIAL}, None),
        (OURS, {"identity": OTHER, "serial": SERIAL}, f"another device answers: {OTHER}, not {OURS}"),
        (SERIAL, {"serial": "SER0099999"}, f"another device answers: SER0099999, not {SERIAL}"),
    ],
)
def test_a_reply_without_a_mac_is_no_other_device(identity, told, refused):
    assert wrong_device(Target(1, "rig", "h", None, "farm", identity, 30), read(**told)) == refused


@pytest.fixture
def rig(db: None) -> Miner:
    """A miner that was found as a generic one, and has counted shares."""
    miner = MinerFactory(name="rig", host=f"{NETWORK}.7", port=None, driver="cgminer", identity=OURS)
    at = datetime(2026, 6, 1, tzinfo=UTC)
    LatestReading.objects.create(miner=miner, timestamp=at, accepted_counter=9, rejected_counter=1)
    return miner


def test_what_was_counted_by_the_driver_before_is_no_base_for_the_next(rig: Miner) -> None:
    assert learn(rig, read(identity=OURS)).driver == "farm"
    rig.refresh_from_db()
    assert (rig.driver, rig.identity) == ("farm", OURS)
    assert (rig.latest.accepted_counter, rig.latest.rejected_counter) == (None, None)


def test_who_is_known_by_an_address_alone_is_known_by_what_it_says_from_then_on(rig: Miner) -> None:
    Miner.objects.filter(pk=rig.pk).update(identity="")
    rig.refresh_from_db()
    twin = MinerFactory(name="twin", host=f"{NETWORK}.8", port=None, driver="farm", identity=OTHER)
    assert f"twin answers there, which is {OTHER}" in learn(rig, read(identity=twin.identity)).words
    assert learn(rig, read(identity=OURS)).driver == "farm"
    rig.refresh_from_db()
    assert (rig.driver, rig.identity) == ("farm", OURS)


def test_a_miner_that_has_moved_meanwhile_is_left_as_it_is(rig: Miner) -> None:
    Miner.objects.filter(pk=rig.pk).update(host=f"{NETWORK}.9")
    assert "changed by somebody else" in learn(rig, read(identity=OURS)).words
    rig.refresh_from_db()
    assert (rig.driver, rig.latest.accepted_counter) == ("cgminer", 9)


def test_looking_again_asks_in_every_protocol(rig: Miner) -> None:
    dark = MinerFactory(name="dark", host=f"{NETWORK}.8", port=None, driver="cgminer", identity=OTHER)
    with avalon_at(f"{NETWORK}.7", 7):
        found = look_again([rig, dark])
    assert [one.driver for one in found] == ["avalon", ""]
    assert "is read by avalon from now on, not by cgminer" in found[0].words
    assert Miner.objects.get(pk=dark.pk).driver == "cgminer"


def test_the_admin_looks_again_and_says_what_became_of_it(rig: Miner, admin_client) -> None:
    data = {"action": "look_again", "_selected_action": [rig.pk]}
    with avalon_at(f"{NETWORK}.7", 7):
        page = admin_client.post(reverse("admin:miners_miner_changelist"), data, follow=True)
    assert [str(each) for each in page.context["messages"]] == [
        "rig is read by avalon from now on, not by cgminer"
    ]


@pytest.mark.parametrize(("number", "driver"), [(7, "avalon"), (8, "cgminer")])
def test_discover_learns_only_of_the_miner_that_it_is(rig: Miner, capsys, number: int, driver: str) -> None:
    with avalon_at(f"{NETWORK}.7", number):
        call_command("discover", f"{NETWORK}.7/32", "--learn", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["standing"] == ("known" if number == 7 else "another device")
    assert Miner.objects.get(pk=rig.pk).driver == driver


def test_the_farm_driver_is_better_than_the_generic_one_where_its_package_is_there(
    rig: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miners.drivers.farm.PACKAGE", "json")
    monkeypatch.setattr(FarmDriver, "read", lambda self, address, deadline: read(identity=OURS))
    with nothing_at(f"{NETWORK}.7"):
        (found,) = look_again([rig])
    assert found.driver == "farm"
