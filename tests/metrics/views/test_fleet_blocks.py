"""The dashboard's other blocks, and answers to who has what is there already."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from energy.models import Tariff
from hmm.health import beat
from metrics.dashboard import table_page
from metrics.dashboard import version as versions
from metrics.dashboard.blocks import Present
from metrics.views import dashboard, fleet_blocks
from miners.models import Miner, MinerModel, Site
from tests.factories import MinerFactory, UserFactory
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.metrics.views.figures import all_explained, asked_by, figures, ids_of, of_store
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
BLOCKS = ["fleet_summary", "fleet_attention", "fleet_yesterday", "fleet_vitals", "price_bars", "miner_table"]
WHO_ASKS = 1
"""The query of the user, before any block; the session is in the cache by then."""
WHETHER_NEW = 1

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dashboard, fleet_blocks):
        monkeypatch.setattr(module, "_present", lambda: Present(NOW, ZoneInfo("Europe/London"), "GBP"))
    monkeypatch.setattr(versions.timezone, "now", lambda: NOW)


def see(member: Client, block: str) -> str:
    response = member.get(reverse(f"metrics:{block}"))
    assert response.status_code == 200
    return words_of(response)


def all_alive() -> None:
    for service in ("worker", "collector"):
        beat(service, NOW)


def test_nothing_needs_attention_when_all_is_well(member: Client) -> None:
    all_alive()
    working_miners(2, NOW)
    assert see(member, "fleet_attention") == ""


def test_what_needs_attention_says_why_and_leads_there(member: Client) -> None:
    all_alive()
    dark, hot, _ = working_miners(3, NOW)
    Miner.objects.filter(pk=dark.pk).update(
        state="unreachable", state_reason="timed out after 5 s", state_since=NOW - timedelta(minutes=8)
    )
    Miner.objects.filter(pk=hot.pk).update(model=MinerModel.objects.create(name="Cool", max_temperature_c=50))
    Tariff.objects.filter(pk=1).update(fetch_error="HTTP 503 from the price service")
    said = see(member, "fleet_attention")
    assert "gamma-1 unreachable" in said
    assert "timed out after 5 s" in said
    assert "gamma-2 hot 58 °C, above the 50 °C of its model" in re.sub(r"\s+", " ", said)
    assert "HTTP 503 from the price service" in said
    assert "gamma-3" not in said
    assert f'href="/miners/{dark.pk}"' in member.get(reverse("metrics:fleet_attention")).text


def test_a_collector_that_is_silent_is_said_first(member: Client) -> None:
    working_miners(1, NOW)
    beat("worker", NOW)
    assert see(member, "fleet_attention").startswith("Needs attention collector silent")


def test_today_is_laid_beside_yesterday_by_the_same_time(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=2)  # from 11:10 to 13:10 in London
    report(miner, NOW - timedelta(hours=24), rows=12, hashrate_ghs=600.0)
    publish([10.0] * 100, NOW - timedelta(hours=26, minutes=10))
    said = see(member, "fleet_yesterday")
    assert "both up to 13:00" in said
    assert "▲ 100 %" in said


def test_the_vitals_are_those_of_the_store(member: Client) -> None:
    working_miners(2, NOW)
    said = see(member, "fleet_vitals")
    assert "Uptime today 7.6 %" in said  # one of the 13 hours and 10 minutes since midnight
    assert "Rejects today 0.50 % 12 of 2,400 shares" in said
    assert "average; hottest 58 °C" in said


OF_TODAY = {"entity_type": "system", "period": "daily", "at": "2026-05-31T23:00Z"}  # midnight in London


def test_what_today_cost_opens_its_explanation(member: Client) -> None:
    working_miners(2, NOW)
    publish([10.0] * 30, NOW.replace(hour=0, minute=0))
    page = member.get(reverse("metrics:fleet_summary")).text
    told = {asked["key"]: text for text, asked in of_store(page)[1:]}  # the first is the sentence's
    assert of_store(page)[0][0] == "0.36\N{NO-BREAK SPACE}p so far today"
    assert list(told) == ["total_cost_gbp", "total_kwh", "avg_price_pence", "coverage"]
    assert told["avg_price_pence"] == "average 10.0 p"
    assert all(OF_TODAY in asked_by(page, "energy_cost", key) for key in told)
    assert all_explained(member, page) == 11


def test_a_day_without_a_figure_is_explained_as_well(member: Client) -> None:
    working_miners(1, NOW, hours=0)
    page = member.get(reverse("metrics:fleet_summary")).text
    assert [text for text, _ in of_store(page)] == ["–"]
    assert all_explained(member, page) == 7


def test_both_days_open_their_explanations_as_far_as_they_are_counted(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=2)
    report(miner, NOW - timedelta(hours=24), rows=12)
    publish([1000.0] * 100, NOW - timedelta(hours=26, minutes=10))
    page = member.get(reverse("metrics:fleet_yesterday")).text
    hours = {"entity_type": "system", "period": "hourly"}
    assert asked_by(page, "energy_cost", "total_cost_gbp") == [
        hours | {"from": "2026-05-31T23:00Z", "to": "2026-06-01T12:00Z"},
        hours | {"from": "2026-05-30T23:00Z", "to": "2026-05-31T12:00Z"},
    ]
    assert all_explained(member, page) == len(figures(page)) == 10


def test_both_days_are_explained_by_the_amounts_that_are_shown(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=2)
    report(miner, NOW - timedelta(hours=24), rows=9)
    publish([1000.0] * 100, NOW - timedelta(hours=26, minutes=10))
    page = member.get(reverse("metrics:fleet_yesterday")).text
    costs = [(text, asked) for text, asked in figures(page) if asked.get("key") == "total_cost_gbp"]
    assert len({text for text, _ in costs}) == 2
    for text, asked in costs:
        told = re.search(r'explained-figure">([^<]+)<', member.get("/explain", asked).text)
        assert told
        assert told[1] in text or told[1].partition(" ")[0] == text


def test_the_vitals_open_their_explanations(member: Client) -> None:
    working_miners(2, NOW)
    page = member.get(reverse("metrics:fleet_vitals")).text
    for metric_type, key in (("uptime", "uptime"), ("reject_rate", "reject_rate"), ("temperature", "avg")):
        assert asked_by(page, metric_type, key) == [OF_TODAY]
    assert all_explained(member, page) == 5


def test_no_two_figures_of_the_dashboard_have_one_id(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=2)
    report(miner, NOW - timedelta(hours=24), rows=12)
    found = ids_of(member.get(reverse("metrics:dashboard")).text)
    assert sum(name.startswith("figure-") for name in found) == 29
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_can_do_without_any_miner(member: Client, block: str) -> None:
    see(member, block)


@pytest.mark.parametrize("block", BLOCKS)
def test_who_has_what_is_there_is_told_so_by_one_query(
    member: Client, django_assert_num_queries: DjangoAssertNumQueries, block: str
) -> None:
    working_miners(2, NOW)
    address = reverse(f"metrics:{block}")
    member.get(address)
    tag = member.get(address)["ETag"]
    with django_assert_num_queries(WHO_ASKS + WHETHER_NEW):
        again = member.get(address, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""


def change_reading(miner: Miner) -> None:
    report(miner, NOW + timedelta(minutes=1))


def change_state(miner: Miner) -> None:
    miner.state_changes.create(at=NOW, state="unreachable")


def change_price(_: Miner) -> None:
    publish([18.4], NOW)


def change_fetch(_: Miner) -> None:
    Tariff.objects.filter(pk=1).update(fetch_error="HTTP 503")


def rename_miner(miner: Miner) -> None:
    Miner.objects.filter(pk=miner.pk).update(name="delta-1")


def retire_miner(miner: Miner) -> None:
    Miner.objects.filter(pk=miner.pk).update(retired_at=NOW)


def add_miner(_: Miner) -> None:
    MinerFactory()


def rename_tariff(_: Miner) -> None:
    Tariff.objects.filter(pk=1).update(name="Another name")


def rename_site(_: Miner) -> None:
    Site.objects.filter(pk=1).update(name="Another home")


def limit_model(_: Miner) -> None:
    MinerModel.objects.create(name="Cool", max_temperature_c=50)


CHANGES = [
    change_reading,
    change_state,
    change_price,
    change_fetch,
    rename_miner,
    retire_miner,
    add_miner,
    rename_tariff,
    rename_site,
    limit_model,
]


@pytest.mark.parametrize("happens", CHANGES)
def test_whatever_changes_is_answered_anew(member: Client, happens) -> None:  # type: ignore[no-untyped-def]
    (miner,) = working_miners(1, NOW)
    address = reverse("metrics:fleet_summary")
    member.get(address)
    tag = member.get(address)["ETag"]
    happens(miner)
    assert member.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_the_next_minute_is_answered_anew(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    address = reverse("metrics:fleet_summary")
    member.get(address)
    tag = member.get(address)["ETag"]
    monkeypatch.setattr(versions.timezone, "now", lambda: NOW + timedelta(minutes=1))
    assert member.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_what_one_has_seen_says_nothing_of_what_another_may_see(member: Client, client: Client) -> None:
    tag = member.get(reverse("metrics:fleet_summary"))["ETag"]
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("metrics:fleet_summary"), headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("count", [3, 30])
def test_a_block_takes_fewer_than_five_queries_however_many_miners(
    member: Client, django_assert_num_queries: DjangoAssertNumQueries, block: str, count: int
) -> None:
    working_miners(count, NOW)
    publish([18.4], NOW.replace(minute=0))
    member.get(reverse(f"metrics:{block}"))
    with_figures = 0 if block in ("fleet_attention", "price_bars") else 1
    with django_assert_num_queries(WHO_ASKS + WHETHER_NEW + 1 + with_figures):
        member.get(reverse(f"metrics:{block}"))


@pytest.mark.parametrize("count", [3, 30])
def test_the_whole_dashboard_reads_what_its_blocks_share_once(
    member: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    working_miners(count, NOW, hours=2)
    publish([18.4], NOW.replace(minute=0))
    member.get(reverse("metrics:dashboard"))
    with django_assert_num_queries(WHO_ASKS + 3):
        page = member.get(reverse("metrics:dashboard")).text
    for block in BLOCKS:
        alone = figures_of(member.get(reverse(f"metrics:{block}")).text)
        assert alone <= figures_of(page), block


def figures_of(html: str) -> set[str]:
    """Return every word with a digit in it."""
    return set(re.findall(r"\S*\d\S*", re.sub(r"<[^>]+>", " ", html)))


def test_a_page_beyond_the_last_is_the_last(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_page, "ON_A_PAGE", 2)
    working_miners(3, NOW)
    page = member.get("/?page=9").text
    assert "gamma-3" in page
    assert "gamma-1" not in page
    assert "3–3 of 3" in page
    block = member.get(reverse("metrics:miner_table"), {"page": "9", "q": "gamma"})
    assert block["HX-Replace-Url"] == "/?q=gamma&page=2"
    assert "No miner is like that" in member.get("/?page=9&q=nobody").text
