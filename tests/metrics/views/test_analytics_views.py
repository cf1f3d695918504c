"""What each view of analytics shows, from rows in the database: calendar, distribution, ranking, bands, waterfall."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from metrics.analytics import ranking
from miners.models import Miner
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.metrics.fleet_at_work import TEN_MINUTES
from tests.metrics.views.analytics_house import DAY, NOW, TWO_DAYS, Ask, asks, fill, said
from tests.pages import words_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    fill()


@pytest.fixture
def ask(member: Client) -> Ask:
    """The JSON of a view."""
    return asks(member)


def test_a_calendar_has_a_field_for_each_day_and_says_which_are_missing(ask: Ask, member: Client) -> None:
    asked = {
        "view": "calendar",
        "metric": "energy_cost.kwh",
        "of": "gamma-2",
        "from": "2026-05-30",
        "to": "2026-06-03",
    }
    assert [row["day"][:10] for row in ask(**asked)["rows"]] == ["2026-06-01", "2026-06-03"]
    assert "3 of 5 days have no figure." in said(member, **asked)
    page = member.get(reverse("metrics:analytics"), asked).text
    assert page.count('class="cell heat-') == 1
    assert page.count('class="cell is-open"') == 1
    assert page.count('class="cell-none"') == 12  # the other days of two weeks


def test_a_distribution_is_of_covered_hours(ask: Ask) -> None:
    rows = ask(view="distribution", metric="hashrate.avg", of="gamma-1", **TWO_DAYS)["rows"]
    told = {row["from"]: row["hours"] for row in rows if row["hours"]}
    assert sum(told.values()) == pytest.approx(2 + 50 / 60)  # the hour that is not over is not in it
    assert min(told) <= 0.6 < max(told) <= 1.2
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_a_ranking_says_best_worst_and_most_improved(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "SHOWN", 1)
    rows = ask(view="ranking", metric="efficiency.j_per_th", **TWO_DAYS)["rows"]
    assert [(row["place"], row["miner"]) for row in rows] == [("best 1", "gamma-2"), ("worst 1", "gamma-1")]
    day = {"from": "2026-06-03", "to": "2026-06-03"}
    improved = ask(view="ranking", metric="hashrate.avg", **day)["rows"][-1]
    assert (improved["place"], improved["miner"], improved["change_percent"]) == (
        "most improved 1",
        "gamma-1",
        pytest.approx(100),
    )


def test_of_very_many_miners_the_best_and_worst_are_ranked_without_the_range_before(
    ask: Ask, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"view": "ranking", "metric": "efficiency.j_per_th", "from": "2026-06-01", "to": "2026-06-02"}
    all_of_them = ask(**asked)["rows"]
    monkeypatch.setattr(ranking, "MOST_MINERS", 1)
    rows = ask(**asked)["rows"]
    assert [(row["place"], row["miner"]) for row in rows] == [
        ("best 1", "gamma-2"),
        ("best 2", "gamma-1"),
        ("worst 1", "gamma-1"),
        ("worst 2", "gamma-2"),
    ]
    assert [row["j_per_th"] for row in rows[:2]] == [row["j_per_th"] for row in all_of_them]
    assert "Who has improved is left out" in said(member, **asked)


def test_a_price_on_an_edge_is_in_the_band_above_it(ask: Ask) -> None:
    miner = Miner.objects.get(name="gamma-2")
    rows = [
        TelemetryRow(
            miner_id=miner.pk, timestamp=NOW - DAY - ago * TEN_MINUTES, covered_s=600, power_w=17.3 + ago / 7
        )
        for ago in range(60, 0, -1)
    ]
    write_rows(rows, source="collector", now=NOW)
    asked = {"view": "bands", "of": "gamma-2", "from": "2026-06-02", "to": "2026-06-02"}
    assert {row["band"] for row in ask(**asked)["rows"] if row["kwh"]} == {"30 and more p"}


def test_energy_by_price_adds_up_to_the_energy_of_the_range(ask: Ask, member: Client) -> None:
    asked = {"view": "bands", "from": "2026-06-01", "to": "2026-06-03"}
    rows = ask(**asked)["rows"]
    told = {row["band"]: (row["kwh"], row["cost_gbp"]) for row in rows if row["kwh"]}
    assert told == {
        "10–20 p": (pytest.approx(0.054), pytest.approx(0.0054)),
        "30 and more p": (pytest.approx(0.036 + 2 * 0.015), pytest.approx(0.3 * (0.036 + 0.03))),
    }
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert member.get(reverse("metrics:analytics"), asked).text.count('class="bar band-') == 2
    assert ">30+ p</text>" in member.get(reverse("metrics:analytics"), asked).text


def test_energy_by_price_says_that_older_slots_are_gone(member: Client, settings: Any) -> None:
    settings.RETENTION_SLOT_DAYS = 32
    asked = {"view": "bands", "to": "2026-06-03"}
    assert "Slots are kept for 32 days" in said(member, **asked, **{"from": "2026-05-01"})
    assert "Slots are kept" not in said(member, **asked, **{"from": "2026-05-03"})


def test_what_changed_the_cost_adds_up_to_the_cost(ask: Ask) -> None:
    rows = ask(view="waterfall", **{"from": "2026-06-02", "to": "2026-06-02"})["rows"]
    amounts = [row["amount_gbp"] for row in rows]
    assert amounts == [pytest.approx(x) for x in (0.0054, -0.0018, 0.0072, 0.0108)]
    assert sum(amounts[:3]) == pytest.approx(amounts[3])


def test_the_steps_of_what_changed_the_cost_have_short_words(member: Client) -> None:
    asked = {"view": "waterfall", "from": "2026-06-02", "to": "2026-06-02"}
    page = member.get(reverse("metrics:analytics"), asked).text
    assert all(f">{word}</text>" in page for word in ("Before", "Energy", "Price", "Now"))


def test_what_changed_the_cost_leads_to_a_range_that_has_one_before_it(member: Client) -> None:
    page = member.get("/analytics?view=waterfall&from=2026-06-01&to=2026-06-02").text
    (link,) = re.findall(r'href="([^"]+)">Compare its later half with its earlier one, 1 day each', page)
    assert "from=2026-06-02&amp;to=2026-06-02" in link
    assert "Range before" in member.get(unescape(link)).text


def test_a_view_whose_range_nobody_chose_leads_to_the_usual_range_of_the_others(member: Client) -> None:
    tabs = re.findall(r'href="[^"]*?(\?view=[^"]+)"', member.get("/analytics").text)
    assert "?view=waterfall&amp;metric=energy_cost.kwh&amp;of=all&amp;period=daily" in tabs
    usual = member.get("/analytics?view=waterfall").context["form"].asked
    assert (usual.days, usual.before[0].date().isoformat()) == (7, "2026-05-20")


def test_what_changed_the_cost_needs_both_ranges(member: Client) -> None:
    page = said(member, view="waterfall", **{"from": "2026-06-01", "to": "2026-06-01"})
    assert "Nothing with a price was measured in the range before." in page
    assert "It needs the cost of this range and of the one before: a shorter range may have both." in page


def test_a_ranking_is_drawn_with_the_figures_of_its_table(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "SHOWN", 1)
    asked = {"view": "ranking", "metric": "hashrate.avg", **TWO_DAYS}
    page = member.get(reverse("metrics:analytics"), asked).text
    drawn = re.findall(r'<rect class="bar (series-\d)".*?<title>(.*?)</title>', page)
    assert drawn == [("series-1", "gamma-2: 1.20 TH/s"), ("series-2", "gamma-1: 0.78 TH/s")]
    assert {"1.20 TH/s", "0.78 TH/s"} <= set(re.findall(r'<a class="explained"[^>]*>([^<]+)</a>', page))


TABLES = {
    "series": "energy_cost.total_kwh",
    "calendar": "energy_cost.total_kwh",
    "ranking": "energy_cost.kwh",
    "waterfall": "energy_cost.total_cost_gbp",
}


@pytest.mark.parametrize(("view", "metric"), TABLES.items())
def test_figures_of_a_table_explain_themselves_with_the_same_figure(
    view: str, metric: str, member: Client
) -> None:
    page = member.get(
        reverse("metrics:analytics"), {"view": view, "metric": metric, "compare": "1", **TWO_DAYS}
    ).text
    links = re.findall(r'<td class="num"><a class="explained" href="([^"]+)">([^<]+)</a>', page)
    assert len(links) >= 2
    for href, text in links:
        explained = words_of(member.get(unescape(href)))
        exactly = re.search(r"Exactly (\S+)", explained)
        assert exactly, explained
        shown = float(re.sub(r"[^\d.−]", "", text).replace("−", "-")) / (100 if text.endswith(" p") else 1)
        assert shown == pytest.approx(float(exactly[1]), abs=0.06 if "%" in text else 0.006), (
            text,
            explained,
        )
