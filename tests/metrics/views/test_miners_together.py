"""Doing one thing to several miners of the table: asked first, with who takes it and who is left out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from metrics.views import miners_together as views
from miners.models import Command, LatestReading, Miner, MinerModel
from tests.factories import MinerFactory, MinerModelFactory, UserFactory

URL = reverse("metrics:miners_together")
NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)
PART = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


def browser(*permissions: str, is_staff: bool = True) -> Client:
    user = UserFactory(username="ann", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def gammas(count: int, firmware: str = "v2.14.0", first: int = 1) -> list[Miner]:
    name = "Bitaxe Gamma 601"
    model = MinerModel.objects.filter(name=name).first() or MinerModelFactory(name=name)
    made = [
        MinerFactory(name=f"gamma-{n}", model=model, driver="axeos", host="192.0.2.1")
        for n in range(first, first + count)
    ]
    LatestReading.objects.bulk_create(
        LatestReading(miner=miner, timestamp=NOW, firmware=firmware) for miner in made
    )
    return made


def ids(miners: list[Miner]) -> list[int]:
    return [miner.pk for miner in miners]


def test_the_question_names_how_many_and_which_and_why_others_are_left_out() -> None:
    chosen = [*gammas(2), *gammas(1, "v2.9.0", first=3)]
    told = browser("add_command").post(URL, {"deed": "pause", "miner": ids(chosen)})
    page = told.content.decode()
    assert "<html" in page
    assert "Pause 2 miners?" in page
    assert page.count('name="miner" value=') == 2
    assert "1 is left out" in page
    assert "<strong>1</strong> does not offer pause: " in page
    assert ">gamma-3</span>" in page
    assert not Command.objects.exists()


def test_to_htmx_it_is_the_inside_of_a_dialog() -> None:
    told = browser("add_command").post(URL, {"deed": "restart", "miner": ids(gammas(1))}, headers=PART)
    assert "HX-Request" in told["Vary"]
    page = told.content.decode()
    assert "<html" not in page
    assert "Restart 1 miner?" in page
    assert 'method="dialog"' in page


def test_who_is_sure_gives_the_orders_and_is_back_on_their_page_of_the_table() -> None:
    answer = {
        "deed": "pause",
        "sure": "1",
        "why": "dear hours",
        "q": "gamma",
        "sort": "hashrate",
        "page": "2",
    }
    told = browser("add_command").post(URL, answer | {"miner": ids(gammas(2))}, follow=True)
    assert told.redirect_chain == [("/?sort=hashrate&q=gamma&page=2#miner-table", 302)]
    assert "Pause is being sent to 2 miners." in told.content.decode()
    assert set(Command.objects.values_list("kind", "who", "why")) == {("pause", "ann", "dear hours")}
    assert Command.objects.count() == 2


def test_an_order_needs_its_reason_and_maintenance_none() -> None:
    client, chosen = browser("add_command", "change_miner"), ids(gammas(1))
    page = client.post(URL, {"deed": "pause", "sure": "1", "why": "  ", "miner": chosen}).content.decode()
    assert "Say why" in page
    assert not Command.objects.exists()
    told = client.post(URL, {"deed": "begin maintenance", "sure": "1", "miner": chosen}, follow=True)
    assert "Begin maintenance: done for 1 miner." in told.content.decode()
    assert Miner.objects.get(pk=chosen[0]).maintenance


@pytest.mark.parametrize(
    ("miner", "says"),
    [([], "No miner is selected"), (["x", "-1", "9" * 30, "²"], "No miner is selected")],
)
def test_nothing_selected_is_said_so(miner: list[str], says: str) -> None:
    page = browser("add_command").post(URL, {"deed": "pause", "miner": miner}).content.decode()
    assert says in page
    assert 'name="sure"' not in page


def test_where_none_takes_it_there_is_nothing_to_be_sure_of() -> None:
    chosen = ids([MinerFactory(name="bare"), MinerFactory(name="bald")])
    page = browser("add_command").post(URL, {"deed": "pause", "sure": "1", "why": "x", "miner": chosen})
    assert "Pause: none of 2" in page.content.decode()
    assert not Command.objects.exists()


def test_all_that_a_search_finds_are_meant_though_one_page_is_shown() -> None:
    gammas(3)
    gammas(1, first=77)
    asked = {"deed": "restart", "found": "1", "q": "gamma-7", "page": "1"}
    assert "Restart 1 miner?" in browser("add_command").post(URL, asked).content.decode()


def test_more_than_can_be_told_in_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_TOGETHER", 2)
    chosen = ids(gammas(3))
    client = browser("add_command")
    for asked in ({"miner": chosen}, {"found": "1"}):
        page = client.post(URL, {"deed": "restart", "sure": "1", "why": "x"} | asked).content.decode()
        assert "At most 2 at a time" in page
    assert not Command.objects.exists()


@pytest.mark.parametrize("deed", ["pause", "end maintenance", "explode", ""])
def test_only_who_may_do_it_is_asked(deed: str) -> None:
    allowed_other = {"pause": "change_miner", "end maintenance": "add_command"}.get(deed, "add_command")
    assert browser(allowed_other).post(URL, {"deed": deed}).status_code == 403


def test_strangers_forgers_and_readers_of_the_address_do_nothing() -> None:
    assert Client().post(URL, {"deed": "pause"}).status_code == 302
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(UserFactory(is_superuser=True), backend="django.contrib.auth.backends.ModelBackend")
    assert guarded.post(URL, {"deed": "pause"}).status_code == 403
    by_its_address = browser("add_command").get(URL, {"deed": "pause", "miner": "1", "sure": "1", "why": "x"})
    assert (by_its_address.status_code, by_its_address["Location"]) == (302, "/#miner-table")
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "is_staff", "offered"),
    [
        (["add_command"], True, ["restart", "pause", "resume", "identify"]),
        (["change_miner"], True, ["begin maintenance", "end maintenance"]),
        (["add_command"], False, []),
        ([], True, []),
    ],
)
def test_the_table_offers_what_its_reader_may_do(
    permissions: list[str], is_staff: bool, offered: list[str]
) -> None:
    miner = gammas(1)[0]
    page = browser(*permissions, is_staff=is_staff).get(reverse("metrics:miner_table")).text
    assert [deed for deed in views.Deed if f'<option value="{deed}">' in page] == offered
    assert (f'name="miner" value="{miner.pk}" form="miner-deeds"' in page) == bool(offered)


def test_it_takes_as_many_queries_however_many_miners() -> None:
    client, few, more = browser("add_command"), ids(gammas(1)), ids(gammas(19, first=2))
    counts: list[Any] = []
    for chosen in (few, few, few + more):
        with CaptureQueriesContext(connection) as captured:
            client.post(URL, {"deed": "pause", "miner": chosen})
        counts.append(len(captured))
    assert counts[1] == counts[2]
