"""The page of a ranking: figures of the store and of now, a target by GET, and why of every miner."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from metrics.query import NotComputedYet
from metrics.strategies import lately
from metrics.strategies.figures import keep_figures, site_figures
from metrics.views import strategies
from miners.models import CurtailmentStrategy, Miner, MinerState, Site, Tier
from miners.strategies.seeds import seed_strategies
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WHO_ASKS = 2
"""The queries of the session and of its user."""

QUERIES = 7
"""Three for strategies, one each for what people said of miners, the state of the store, miners, and their last 24 hours."""
TURNED = 4
"""Of another page of a farm's ranking: three for strategies, and one for what people said."""

pytestmark = pytest.mark.django_db
See = Callable[..., str]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies.timezone, "now", lambda: NOW)


@pytest.fixture
def home() -> Site:
    """The site Home with the seeded four."""
    site = Site.objects.get(pk=1)
    seed_strategies(site, force=False)
    return site


@pytest.fixture
def see(member: Client) -> See:
    """The text of the page, without its markup."""

    def text(status: int = 200, **asked: Any) -> str:
        response = member.get(reverse("metrics:strategy_ranking"), asked)
        assert response.status_code == status
        return words_of(response)

    return text


def worker(name: str, site: Site, *, hours: int = 24, **told: Any) -> Miner:
    """A miner rated at 1,200 GH/s that has told the same each ten minutes for some hours, up to now."""
    fields = {key: told.pop(key) for key in ("customer", "tier", "state") if key in told}
    miner = MinerFactory(name=name, site=site, **{"state": MinerState.ONLINE} | fields)
    row = {"power_w": 18.0, "hashrate_ghs": 1_200.0} | told
    write_rows(
        [
            TelemetryRow(miner_id=miner.pk, timestamp=NOW - n * timedelta(minutes=10), covered_s=600, **row)
            for n in reversed(range(6 * hours))
        ],
        source="collector",
        now=NOW,
    )
    return miner


def strategy(kind: str) -> int:
    return CurtailmentStrategy.objects.get(site=1, kind=kind).pk


def test_figures_are_those_of_now_and_of_the_last_24_hours(home: Site) -> None:
    worker("a", home, customer="Ann", tier=Tier.VIP, hours=12)
    elsewhere = worker("b", SiteFactory())
    (found,) = site_figures(home.pk, NOW)
    assert (found.name, found.customer, found.tier) == ("a", "Ann", Tier.VIP)
    assert (found.power_w, found.hashrate_ghs, found.rated_hashrate_ghs) == (18.0, 1_200.0, 1_200.0)
    assert found.j_per_th == pytest.approx(15)
    assert found.uptime == pytest.approx(0.5)
    assert [one.name for one in site_figures(elsewhere.site_id, NOW)] == ["b"]


def test_the_last_24_hours_are_read_once_and_again_when_the_engine_writes_there(home: Site) -> None:
    miner = worker("a", home, hours=12)
    other = worker("b", home)
    (found, same) = site_figures(home.pk, NOW)
    with CaptureQueriesContext(connection) as again:
        assert site_figures(home.pk, NOW) == [found, same]
    assert not any("hashing_s" in query["sql"] for query in again.captured_queries)
    late = TelemetryRow(
        miner_id=miner.pk,
        timestamp=NOW - timedelta(hours=20),
        covered_s=600,
        power_w=36.0,
        hashrate_ghs=1_200.0,
    )
    write_rows([late], source="collector", now=NOW)
    (after, still) = site_figures(home.pk, NOW)
    assert after.uptime == pytest.approx(0.5 + 600 / 86_400)
    assert after.j_per_th == pytest.approx(15 * 74 / 73)
    assert still == same
    Miner.objects.filter(pk=other.pk).update(retired_at=NOW)
    assert site_figures(home.pk, NOW) == [after]


def test_what_strategies_rank_by_is_read_before_somebody_looks(home: Site) -> None:
    worker("a", home)
    keep_figures(NOW)
    with CaptureQueriesContext(connection) as seen:
        assert site_figures(home.pk, NOW)[0].uptime == pytest.approx(1)
    assert not any("hashing_s" in query["sql"] for query in seen.captured_queries)


def test_a_baseline_of_its_own_comes_before_the_data_sheet(home: Site) -> None:
    miner = worker("a", home)
    Miner.objects.filter(pk=miner.pk).update(baseline_hashrate_ghs=1_000.0)
    assert site_figures(home.pk, NOW)[0].rated_hashrate_ghs == 1_000.0
    Miner.objects.filter(pk=miner.pk).update(baseline_hashrate_ghs=None, model=None)
    assert site_figures(home.pk, NOW)[0].rated_hashrate_ghs is None


@pytest.mark.parametrize("when", ["unreachable", "old"])
def test_what_is_not_known_now_is_not_counted(home: Site, when: str) -> None:
    miner = worker("a", home)
    Miner.objects.filter(pk=miner.pk).update(
        state=MinerState.UNREACHABLE if when == "unreachable" else MinerState.ONLINE
    )
    (found,) = site_figures(home.pk, NOW + timedelta(minutes=20 if when == "old" else 0))
    assert (found.power_w, found.hashrate_ghs) == (None, None)
    assert found.j_per_th == pytest.approx(15)


def test_a_retired_miner_and_one_never_heard_of(home: Site) -> None:
    worker("old", home)
    Miner.objects.update(retired_at=NOW)
    MinerFactory(name="new", site=home)
    (found,) = site_figures(home.pk, NOW)
    assert (found.name, found.power_w, found.j_per_th, found.uptime) == ("new", None, None, None)


def test_the_page_says_who_is_cut_for_the_target_and_why(home: Site, see: See) -> None:
    worker("good", home)
    worker("weak", home, hashrate_ghs=600.0)
    worker("flaky", home, hours=12)
    worker("gone", home, state=MinerState.UNREACHABLE)
    said = see(strategy=strategy("performance_priority"), target_kw="0.018")
    assert "Cutting 1 miner saves 18.0 W, 18.0 W asked for" in said
    assert re.search(
        r"1\. weak no customer · standard cut score 55\.0, lowest first 18\.0 55\.0 "
        r"50\.0 % × 0\.70 = 35\.0 50\.0 % × 0\.20 = 10\.0 100\.0 % × 0\.10 = 10\.0",
        said,
    )
    assert "2. good no customer · standard not needed the target is met without it" in said
    assert "flaky no customer · standard protected up 50.0 % of the last 24 h" in said
    assert "gone no customer · standard not drawing its power is not known now" in said


def test_a_target_that_cannot_be_met_is_said_to_be_missed(home: Site, see: See) -> None:
    worker("a", home)
    worker("b", home, tier=Tier.VIP)
    said = see(strategy=strategy("customer_priority"), target_kw="1")
    assert "Cutting 1 miner saves 18.0 W of the 1.00 kW asked for: 982 W short, no other may be cut" in said
    assert "b no customer · VIP protected VIP: this strategy never cuts them" in said


def test_without_a_target_the_order_alone_is_shown(home: Site, see: See) -> None:
    worker("a", home)
    said = see()
    assert "1 miner may be cut, 18.0 W of the 18.0 W that the site draws now" in said
    assert "1. a no customer · standard may be cut" in said


def test_fair_distribution_says_what_each_customer_gives(home: Site, see: See) -> None:
    worker("a", home, customer="Ann")
    worker("b", home, customer="Bob")
    said = see(strategy=strategy("fair_distribution"), target_kw="0.02")
    assert "Ann: to give 10 W of 20 W, the lowest score first" in said
    assert "Cutting 2 miners saves 36.0 W" in said


def test_the_first_active_strategy_is_shown_unless_said(home: Site, see: See) -> None:
    CurtailmentStrategy.objects.filter(kind="performance_priority").update(active=False)
    assert "customer priority · performance 0.40" in see()
    assert "Home: Performance priority (not active)" in see()


def test_a_site_without_miners_says_so(home: Site, see: See) -> None:
    assert "no miners may be cut" in see(target_kw="")
    assert "Home has no miner" in see()


def test_without_a_strategy_the_page_says_how_to_make_them(see: See) -> None:
    assert "manage.py seed_strategies --site-id 1" in see()


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"strategy": "999"}, "There is no such strategy"),
        ({"strategy": "x"}, "There is no such strategy"),
        ({"strategy": ""}, "This field is required"),
        ({"target_kw": "much"}, "Enter a number"),
        ({"target_kw": "nan"}, "Enter a number"),
        ({"target_kw": "-1"}, "greater than or equal to 0"),
        ({"target_kw": "1e300"}, "less than or equal to"),
        ({"page": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_answered_is_said_beside_the_form(
    home: Site, see: See, asked: dict[str, str], complaint: str
) -> None:
    worker("a", home)
    said = see(422, **asked)
    assert complaint in said
    assert "may be cut" not in said


def test_figures_that_are_still_to_be_computed_are_named(
    home: Site, see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise NotComputedYet(NOW - timedelta(days=3), NOW)

    monkeypatch.setattr(lately, "site_figures", refuse)
    assert "manage.py backfill_metrics --from 2026-05-29" in see(409)


def test_all_are_ranked_and_fifty_are_shown_at_a_time(home: Site, member: Client) -> None:
    for n in range(51):
        MinerFactory(name=f"m-{n:02}", site=home)
    url, kind = reverse("metrics:strategy_ranking"), strategy("custom")
    first = member.get(url, {"strategy": kind, "target_kw": "1"})
    assert (len(re.findall(r"m-\d\d<", first.text)), "1–50 of 51" in first.text) == (50, True)
    assert f"?strategy={kind}&amp;target_kw=1&amp;page=2" in first.text
    for asked in ("2", "99"):  # the last page stands for those behind it
        last = member.get(url, {"strategy": kind, "page": asked})
        assert (len(re.findall(r"m-\d\d<", last.text)), "51–51 of 51" in last.text) == (1, True)


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_takes_the_same_few_queries_however_many_miners(
    home: Site, count: int, member: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        worker(f"m-{n}", home, hours=1, customer=f"c-{n}")
    url = f"{reverse('metrics:strategy_ranking')}?target_kw=0.1"
    member.get(url)  # the first read of a day has the store computed
    with django_assert_num_queries(WHO_ASKS + QUERIES):
        member.get(url)


def test_the_pages_of_a_farm_are_of_one_ranking_that_is_soon_made_anew(
    home: Site,
    member: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(lately, "MANY", 1)
    miner = worker("a", home)
    worker("b", home)

    def said_after(seconds: float, queries: int = WHO_ASKS + QUERIES) -> str:
        monkeypatch.setattr(strategies.timezone, "now", lambda: NOW + timedelta(seconds=seconds))
        with django_assert_num_queries(queries):
            return words_of(member.get(reverse("metrics:strategy_ranking")))

    member.get(reverse("metrics:strategy_ranking"), {"target_kw": 1})  # has the store computed
    first = said_after(0)
    assert "as of 13:00:00" in first
    Miner.objects.filter(pk=miner.pk).update(state=MinerState.UNREACHABLE)
    assert said_after(9.9, WHO_ASKS + TURNED) == first
    later = said_after(10)
    assert "as of 13:00:10" in later
    assert "a no customer · standard not drawing" in later
    Miner.objects.filter(name="b").update(tier=Tier.VIP, customer="Ann")
    assert "b Ann · VIP" in said_after(11)
    assert "as of 13:00:05" in said_after(5)  # the clock was set back


def test_nothing_on_the_page_needs_inline_script_or_style(home: Site, member: Client) -> None:
    worker("a", home)
    page = member.get(reverse("metrics:strategy_ranking"), {"target_kw": "1"})
    assert not re.search(r"""\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)""", page.text)
    assert "no-store" in page["Cache-Control"]


def test_names_of_people_are_text_and_not_markup(home: Site, member: Client) -> None:
    worker("a", home, customer="<b>Ann</b>")
    page = member.get(reverse("metrics:strategy_ranking")).text
    assert "&lt;b&gt;Ann" in page
    assert "<b>Ann" not in page


def test_a_stranger_is_sent_to_the_login_and_nobody_posts(client: Client, member: Client) -> None:
    url = reverse("metrics:strategy_ranking")
    assert member.post(url).status_code == 405
    stranger = Client().get(url)
    assert (stranger.status_code, stranger["Location"]) == (302, f"{reverse('login')}?next={url}")


def test_the_weights_of_a_strategy_change_the_order_on_the_page(home: Site, see: See) -> None:
    worker("fast", home, power_w=36.0)
    worker("thrifty", home, hashrate_ghs=800.0, power_w=10.0)
    CurtailmentStrategy.objects.all().delete()
    own = {"site": home, "name": "Mine", "kind": "custom", "minimum_uptime": Decimal("0.50")}
    mine = CurtailmentStrategy.objects.create(
        weight_performance=1, weight_efficiency=0, weight_uptime=0, **own
    )
    assert "1. thrifty" in see()
    CurtailmentStrategy.objects.filter(pk=mine.pk).update(weight_performance=0, weight_efficiency=1)
    assert "1. fast" in see()
