"""The page of one miner, from rows in the database to what it says."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from metrics.dashboard.blocks import Present
from metrics.miner_page import read
from metrics.miner_page.beside import miner_beside, told_miner
from metrics.query import NotComputedYet
from metrics.views import miner as views
from miners.models import LatestReading, Miner, StateChange
from tests.factories import MinerFactory, UserFactory
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.metrics.views.figures import all_explained, asked_by, figures, ids_of
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
WHO_ASKS = 1
"""The query of the user, before any block; the session is in the cache by then."""
WHETHER_NEW = 1

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_present", lambda: Present(NOW, ZoneInfo("Europe/London"), "GBP"))


@pytest.fixture
def _explained_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def user() -> Any:
    return UserFactory()


@pytest.fixture
def member(client: Client, user: Any) -> Client:
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def words(member: Client, name: str, miner: Miner, query: str = "") -> str:
    response = member.get(reverse(name, args=[miner.pk]) + query)
    assert response.status_code == 200
    return words_of(response)


def series(member: Client, miner: Miner, quantity: str, span: str = "24h") -> dict[str, Any]:
    response = member.get(reverse("metrics:miner_series", args=[miner.pk, quantity]), {"span": span})
    assert response.status_code == 200
    return response.json()


def test_the_page_holds_every_block(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    publish([18.4, 20.0, 21.0], NOW.replace(hour=11, minute=0))
    LatestReading.objects.filter(pk=miner.pk).update(pool_url="stratum+tcp://solo.example:3333")
    page = words(member, "metrics:miner", miner)
    assert "hashing for" in page
    assert "1.20 TH/s" in page
    assert "stratum+tcp://solo.example:3333" in page
    assert "Today, so far" in page
    assert "0.02 kWh" in page


def test_the_page_is_asked_for_by_the_table_of_miners(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    assert f'href="/miners/{miner.pk}"' in member.get(reverse("metrics:miner_table")).text


def test_an_unreachable_miner_has_a_reason_and_no_present_figures(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    Miner.objects.filter(pk=miner.pk).update(
        state="unreachable", state_reason="timed out after 5 s", state_since=NOW - timedelta(minutes=8)
    )
    said = words(member, "metrics:miner_reading", miner)
    assert "timed out after 5 s" in said
    assert "TH/s" not in said
    assert "look at state" in words(member, "metrics:miner_health", miner)


def test_what_a_device_says_cannot_become_markup(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    LatestReading.objects.filter(pk=miner.pk).update(
        pool_user="<script>alert(1)</script>", warnings=["<img src=x>"]
    )
    page = member.get(reverse("metrics:miner", args=[miner.pk])).text
    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_money_goes_by_day_week_or_month(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    publish([10.0, 10.0, 10.0], NOW.replace(hour=11, minute=0))
    assert "Week of 1 Jun, so far" in words(member, "metrics:miner_money", miner, "?by=weekly")
    assert "June 2026, so far" in words(member, "metrics:miner_money", miner, "?by=monthly")
    assert "Today, so far" in words(member, "metrics:miner_money", miner, "?by=nonsense")


@pytest.mark.usefixtures("_explained_at_that_moment")
@pytest.mark.parametrize("by", ["daily", "weekly", "monthly"])
def test_cost_and_earnings_open_their_explanations(member: Client, by: str) -> None:
    (miner,) = working_miners(1, NOW)
    publish([10.0, 10.0, 10.0], NOW.replace(hour=11, minute=0))
    page = member.get(reverse("metrics:miner_money", args=[miner.pk]), {"by": by}).text
    begins = "2026-05-31T23:00Z"  # a Monday, the first of the month
    of_it = {"entity_type": "miner", "entity_id": str(miner.pk), "period": by, "at": begins}
    energy = ("kwh", "avg_price_pence", "cost_gbp", "coverage")
    earned = ("revenue_gbp", "profit_gbp", "break_even_pence")
    for metric_type, key in [("energy_cost", key) for key in energy] + [("earnings", key) for key in earned]:
        assert asked_by(page, metric_type, key) == [of_it]
    assert all_explained(member, page) == len(energy) + len(earned)


@pytest.mark.usefixtures("_explained_at_that_moment")
def test_the_parts_of_health_that_are_of_the_day_open_their_explanations(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    page = member.get(reverse("metrics:miner_health", args=[miner.pk])).text
    of_today = {
        "entity_type": "miner",
        "entity_id": str(miner.pk),
        "period": "daily",
        "at": "2026-05-31T23:00Z",
    }
    for metric_type, key in (
        ("uptime", "uptime"),
        ("hashrate", "avg"),
        ("reject_rate", "reject_rate"),
        ("temperature", "max"),
    ):
        assert asked_by(page, metric_type, key) == [of_today]
    assert all_explained(member, page) == len(figures(page)) == 4


def test_no_two_elements_of_the_page_have_one_id(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    found = ids_of(member.get(reverse("metrics:miner", args=[miner.pk])).text)
    assert len(set(found)) == len(found)


def test_a_line_has_what_was_measured_and_gaps_where_nothing_was(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    found = series(member, miner, "power")
    assert [value for value in found["series"][0]["values"] if value is not None] == [18.0, 18.0, 18.0]
    assert found["series"][0]["values"].count(None) == len(found["t"]) - 3
    assert found["end"] - found["start"] == 24 * 3600


def test_each_reading_is_there_in_the_shortest_span(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=2)
    report(miner, NOW - timedelta(hours=2, minutes=30))
    found = series(member, miner, "temperature", "3h")
    assert found["series"][0]["values"] == [58.0, None, *[58.0] * 12]


def test_orders_are_there_with_what_became_of_them_and_marked(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    miner.commands.create(
        kind="restart", who="ann", why="hung", asked_at=NOW - timedelta(hours=1), status="confirmed"
    )
    page = words(member, "metrics:miner", miner)
    assert "Restart confirmed" in page
    assert "ann: hung" in page
    assert [mark["label"] for mark in series(member, miner, "power")["marks"]] == ["restart: confirmed"]


def test_what_happened_is_marked(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    StateChange.objects.create(miner=miner, at=NOW - timedelta(hours=30), state="online")
    StateChange.objects.create(
        miner=miner, at=NOW - timedelta(hours=2), state="unreachable", reason="timed out"
    )
    assert [mark["label"] for mark in series(member, miner, "power")["marks"]] == ["unreachable"]
    page = words(member, "metrics:miner", miner)
    assert "timed out" in page


@pytest.mark.parametrize("span", ["3h", "24h", "7d", "30d"])
@pytest.mark.parametrize("quantity", ["hashrate", "power", "temperature"])
def test_a_miner_without_any_reading_has_empty_charts(member: Client, quantity: str, span: str) -> None:
    (miner,) = working_miners(1, NOW, hours=0)
    assert series(member, miner, quantity, span)["t"] == []


def test_a_miner_or_quantity_that_there_is_not_is_not_found(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    assert member.get(reverse("metrics:miner", args=[miner.pk + 1])).status_code == 404
    assert member.get(reverse("metrics:miner_series", args=[miner.pk, "colour"])).status_code == 404


def test_figures_that_are_not_computed_yet_are_said_to_be_so(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotComputedYet(NOW - timedelta(days=3), NOW)

    (miner,) = working_miners(1, NOW)
    monkeypatch.setattr(read, "metrics_in_range", refuse)
    monkeypatch.setattr(read, "miner_metrics", refuse)
    response = member.get(reverse("metrics:miner_series", args=[miner.pk, "power"]), {"span": "30d"})
    assert response.status_code == 409
    assert "backfill_metrics" in response.json()["detail"]
    page = words(member, "metrics:miner", miner)
    assert "backfill_metrics" in page
    assert "1.20 TH/s" in page


def test_notes_are_kept_by_whom_it_is_allowed_to(member: Client, user: Any) -> None:
    (miner,) = working_miners(1, NOW)
    address = reverse("metrics:miner_notes", args=[miner.pk])
    assert member.post(address, {"notes": "new fan"}).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_miner"))
    assert member.post(address, {"notes": " new fan\x00 "}).status_code == 302
    assert Miner.objects.get(pk=miner.pk).notes == "new fan"
    page = words(member, "metrics:miner", miner)
    assert "Notes on gamma-1 kept." in page


@pytest.mark.parametrize(
    ("block", "most"),
    [
        ("metrics:miner_reading", 1 + WHETHER_NEW),
        ("metrics:miner_health", 2 + WHETHER_NEW),
        ("metrics:miner_money", 3),
        ("metrics:miner_charts", 1),
    ],
)
@pytest.mark.parametrize("count", [1, 12])
def test_a_block_takes_few_queries_however_many_miners(
    member: Client, django_assert_num_queries: DjangoAssertNumQueries, block: str, most: int, count: int
) -> None:
    miner = working_miners(count, NOW)[0]
    member.get(reverse(block, args=[miner.pk]))
    with django_assert_num_queries(WHO_ASKS + most):
        member.get(reverse(block, args=[miner.pk]))


@pytest.mark.parametrize("by", ["weekly", "monthly"])
def test_money_by_week_or_month_takes_no_more(
    member: Client, django_assert_num_queries: DjangoAssertNumQueries, by: str
) -> None:
    address = f"{reverse('metrics:miner_money', args=[working_miners(2, NOW)[0].pk])}?by={by}"
    member.get(address)
    with django_assert_num_queries(WHO_ASKS + 3):
        member.get(address)


@pytest.mark.parametrize("block", ["miner_reading", "miner_health", "miner_money", "miner_charts"])
def test_no_such_miner_is_said_so(member: Client, block: str) -> None:
    assert member.get(reverse(f"metrics:{block}", args=[987_654])).status_code == 404


def test_the_miner_that_comes_with_the_figures_is_the_one_that_django_reads() -> None:
    (miner,) = working_miners(1, NOW)
    Miner.objects.filter(pk=miner.pk).update(state_since=NOW, baseline_hashrate_ghs=0.1, notes='a "fan"\n{}')
    LatestReading.objects.filter(pk=miner.pk).update(warnings=["hot", {"a": 1.5}], temperature_c=58.123456789)
    bare = MinerFactory(model=None)
    for pk in (miner.pk, bare.pk):
        told, found = told_miner(miner_beside(pk)), read.find_miner(pk)
        for one, other in ((told, found), (told.site, found.site), (told.model, found.model)):
            assert model_to_dict(one) == model_to_dict(other) if one else other is None
        one, other = getattr(told, "latest", None), getattr(found, "latest", None)
        assert one is other is None or model_to_dict(one) == model_to_dict(other)
        assert (told.state_since, told.name_key) == (found.state_since, found.name_key)


def test_each_tab_keeps_what_the_other_block_shows(member: Client) -> None:
    miner = working_miners(1, NOW)[0]
    page = member.get(reverse("metrics:miner", args=[miner.pk]) + "?span=7d&by=weekly").text
    assert "?span=30d&amp;by=weekly" in page
    assert "?span=7d&amp;by=monthly" in page


@pytest.mark.parametrize(
    ("block", "asked", "shows"),
    [
        ("miner_charts", {"span": "30d"}, "?span=30d&by=weekly"),
        ("miner_money", {"by": "monthly"}, "?span=7d&by=monthly"),
        ("miner_money", {"by": "nonsense"}, "?span=7d&by=daily"),
    ],
)
def test_the_address_says_what_both_blocks_show(
    member: Client, block: str, asked: dict[str, str], shows: str
) -> None:
    miner = working_miners(1, NOW)[0]
    here = reverse("metrics:miner", args=[miner.pk])
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{here}?span=7d&by=weekly"}
    response = member.get(reverse(f"metrics:{block}", args=[miner.pk]), asked, headers=headers)
    assert response["HX-Replace-Url"] == here + shows


def test_what_it_is_set_to_is_said_where_it_tells(member: Client) -> None:
    miner = working_miners(1, NOW)[0]
    assert "Frequency" not in words(member, "metrics:miner", miner).partition("Device and pool")[2]
    LatestReading.objects.filter(miner=miner).update(frequency_mhz=525.0, core_voltage_mv=1150.0)
    said = words(member, "metrics:miner", miner).partition("Device and pool")[2]
    assert "Frequency 525 MHz Core voltage 1,150 mV" in said
