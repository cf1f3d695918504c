"""The dashboard and its blocks, from rows in the database to what the page says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from energy.models import Tariff
from metrics.dashboard.blocks import Present
from metrics.templatetags.hmm_format import money
from metrics.views import dashboard
from miners.models import Miner, SiteTariff
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
BLOCKS = ["metrics:fleet_summary", "metrics:price_bars", "metrics:miner_table"]
WHO_ASKS = 2
"""The queries of the session and of its user, before any block."""

pytestmark = pytest.mark.django_db
See = Callable[[str], str]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "_present", lambda: Present(NOW, ZoneInfo("Europe/London"), "GBP"))


@pytest.fixture
def see(member: Client) -> See:
    """The text of a page or block, without its markup."""

    def text(name: str) -> str:
        response = member.get(reverse(name))
        assert response.status_code == 200
        return words_of(response)

    return text


def test_the_page_holds_every_block_filled_before_any_script_runs(see: See) -> None:
    working_miners(2, NOW)
    publish([18.4, 20.0], NOW.replace(minute=0))
    page = see("metrics:dashboard")
    assert "all 2 hashing ·" in page
    assert "2.40 TH/s" in page
    assert "18.4 p now" in page
    assert "gamma-2" in page


def test_the_summary_answers_is_it_fine_with_figures_of_the_store(see: See) -> None:
    working_miners(2, NOW)  # two miners × 18 W for the hour from 11:10 to 12:10 UTC
    publish([10, 20, 30, -5, 8], NOW.replace(hour=11, minute=0))
    said = see("metrics:fleet_summary")
    assert "all 2 hashing ·" in said
    assert "30.0 p now, negative from 13:30 ·" in said
    pence = 2 * 0.018 * (20 / 60 * 10 + 30 / 60 * 20 + 10 / 60 * 30)
    assert f"{money(pence / 100)} so far today" in said
    assert (
        "0.04 kWh · average 18.3 p · 8 % measured" in said
    )  # one of the 13 hours and 10 minutes since midnight


def test_an_unreachable_miner_is_named_with_its_reason_and_not_counted_in_the_hashrate(see: See) -> None:
    dark = working_miners(3, NOW)[0]
    Miner.objects.filter(pk=dark.pk).update(
        state="unreachable", state_reason="timed out after 5 s", state_since=NOW - timedelta(minutes=8)
    )
    assert "2 of 3 hashing, 1 unreachable for 8 min" in see("metrics:fleet_summary")
    assert "now, 2 of 3 miners" in see("metrics:fleet_summary")
    assert "unreachable for 8 min · timed out after 5 s" in see("metrics:miner_table")


def test_a_miner_line_says_its_figures_and_how_old_they_are(see: See) -> None:
    working_miners(1, NOW)
    line = see("metrics:miner_table").partition("gamma-1")[2]
    assert re.search(r"hashing for 60 min 1\.20 TH/s 18\.0 58 15\.0 0\.50 0 s", line)


def test_the_sparkline_covers_what_was_measured(member: Client) -> None:
    working_miners(1, NOW, hours=4)
    assert "1.20 TH/s to 1.20 TH/s, 83 % not measured" in member.get(reverse("metrics:miner_table")).text


def test_new_telemetry_is_in_the_next_refresh(see: See) -> None:
    miner = working_miners(1, NOW - timedelta(minutes=10))[0]
    before = see("metrics:fleet_summary")
    report(miner, NOW, hashrate_ghs=600.0)
    after = see("metrics:fleet_summary")
    assert "600 GH/s" in after
    assert "600 GH/s" not in before


def test_retired_miners_are_gone_from_the_page(see: See) -> None:
    old = working_miners(2, NOW)[0]
    Miner.objects.filter(pk=old.pk).update(retired_at=NOW)
    assert old.name not in see("metrics:miner_table")
    assert "1 of 1 hashing" in see("metrics:fleet_summary")


def test_prices_are_bars_with_the_same_figures_as_a_table(member: Client, see: See) -> None:
    publish([18.4, -2.5], NOW.replace(minute=0))
    assert member.get(reverse("metrics:price_bars")).text.count("<rect") == 2
    assert "13:00–13:30 (now) 18.40 middling 13:30–14:00 −2.50 negative" in see("metrics:price_bars")
    assert "published until 14:00" in see("metrics:price_bars")


def test_a_failed_fetch_is_said_beside_the_prices_that_are_still_there(see: See) -> None:
    publish([18.4], NOW.replace(minute=0))
    Tariff.objects.filter(pk=1).update(fetch_error="HTTP 503 from the price service")
    said = see("metrics:price_bars")
    assert "The last fetch of prices failed: HTTP 503 from the price service" in said
    assert "18.4 p now" in said


def test_without_prices_the_page_says_how_to_get_them_and_the_cost_stays_unknown(see: See) -> None:
    working_miners(1, NOW)
    assert "manage.py fetch_prices --tariff 1" in see("metrics:price_bars")
    said = see("metrics:fleet_summary")
    assert "no price for now · no cost yet today" in said
    assert "0.02 kWh without a price" in said


def test_without_a_tariff_the_page_says_so(see: See) -> None:
    SiteTariff.objects.all().delete()
    working_miners(1, NOW)
    assert "No site is on a tariff" in see("metrics:price_bars")
    assert "no tariff" in see("metrics:fleet_summary")


def test_without_miners_the_page_says_how_to_add_one(see: See) -> None:
    page = see("metrics:dashboard")
    assert "HMM has no miner to watch yet" in page
    assert "manage.py probe" in page


def test_a_miner_that_was_never_read_has_no_figures_and_no_fault(see: See) -> None:
    miner = working_miners(1, NOW, hours=0)[0]
    Miner.objects.filter(pk=miner.pk).update(state="new", state_since=None)
    assert "0 of 1 hashing, 1 not polled yet" in see("metrics:fleet_summary")
    assert re.search(r"not polled yet (– ){5}–$", see("metrics:miner_table"))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("count", [1, 20])
def test_a_block_takes_fewer_than_five_queries_however_many_miners(
    block: str, count: int, member: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    working_miners(count, NOW)
    publish([18.4, 20.0], NOW.replace(minute=0))
    member.get(reverse(block))  # the first read of a day has the store computed
    with django_assert_max_num_queries(4):
        member.get(reverse(block))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_a_fragment_that_no_cache_keeps(block: str, member: Client) -> None:
    working_miners(1, NOW)
    response = member.get(reverse(block))
    assert "<html" not in response.text
    assert "no-store" in response["Cache-Control"]


def test_nothing_on_the_page_needs_inline_script_or_style(member: Client) -> None:
    working_miners(1, NOW)
    publish([18.4, -3], NOW.replace(minute=0))
    page = member.get("/").text
    assert not re.search(r"""\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)""", page)


@pytest.mark.parametrize("name", ["metrics:dashboard", *BLOCKS])
def test_a_stranger_is_sent_to_the_login(name: str, client: Client) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('login')}?next={reverse(name)}"


@pytest.mark.parametrize("name", ["metrics:dashboard", *BLOCKS])
def test_pages_are_read_only(name: str, member: Client) -> None:
    assert member.post(reverse(name)).status_code == 405
