"""Analytics over time, beside the range before and of what is not over yet: from rows in the database to the page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from metrics.query import aggregate
from miners.models import Miner
from tests.metrics.fleet_at_work import report
from tests.metrics.views.analytics_house import DAY, NOW, TWO_DAYS, Ask, asks, fill, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    fill()


@pytest.fixture
def ask(member: Client) -> Ask:
    """The JSON of a view."""
    return asks(member)


def test_figures_over_time_are_those_of_the_store(ask: Ask, member: Client) -> None:
    rows = ask(view="series", metric="energy_cost.kwh", of=["all", "gamma-1"], **TWO_DAYS)["rows"]
    assert [row["start"] for row in rows] == ["2026-06-02T00:00:00+01:00", "2026-06-03T00:00:00+01:00"]
    assert [row["gamma-1"] for row in rows] == [pytest.approx(0.036), pytest.approx(0.018)]
    assert [row["All miners"] for row in rows] == [pytest.approx(0.036), pytest.approx(0.036)]
    page = said(member, view="series", metric="energy_cost.kwh", of=["all", "gamma-1"], **TWO_DAYS)
    assert re.search(
        r"All miners 0\.07 kWh \d+ % measured · over the range so far gamma-1 0\.05 kWh \d+ % measured", page
    )
    assert "Tue 2 Jun 2026 0.04 kWh 0.04 kWh" in page


def test_the_whole_range_is_merged_never_averaged(member: Client) -> None:
    whole = aggregate(
        metric_type="hashrate",
        period="daily",
        start=datetime(2026, 6, 1, 23, tzinfo=UTC),
        end=datetime(2026, 6, 3, 23, tzinfo=UTC),
        entity_type="miner",
        entity_id=None,
    )
    assert whole[0].value_json["avg"] == pytest.approx(800)  # two hours at 600, one at 1,200
    assert "gamma-1 800 GH/s" in said(member, metric="hashrate.avg", of="gamma-1", **TWO_DAYS)


def test_the_range_before_lies_beside_it(ask: Ask, member: Client) -> None:
    asked = {
        "metric": "energy_cost.kwh",
        "of": "gamma-2",
        "from": "2026-06-03",
        "to": "2026-06-03",
        "compare": "1",
    }
    assert ask(**asked)["rows"][0]["the range before"] is None
    two = {**asked, "from": "2026-06-02", "metric": "energy_cost.kwh", "of": "gamma-1"}
    rows = ask(**two)["rows"]
    assert [row["the range before"] for row in rows] == [None, pytest.approx(0.036)]  # nothing on 31 May
    page = said(member, **two)
    assert "before: 0.03 kWh · +54.5 %" in page
    assert re.search(r"\d+ % measured before", page)


def test_a_day_that_is_missing_before_moves_no_other_beside_it(ask: Ask) -> None:
    report(Miner.objects.get(name="gamma-1"), NOW - 4 * DAY, rows=6)
    asked = {"metric": "energy_cost.kwh", "of": "gamma-1", "from": "2026-06-01", "to": "2026-06-03"}
    told = {row["start"][:10]: row["the range before"] for row in ask(**asked, compare="1")["rows"]}
    assert told == {"2026-06-01": None, "2026-06-02": pytest.approx(0.018), "2026-06-03": None}


def test_the_chart_is_drawn_from_the_same_rows_with_gaps_as_gaps(ask: Ask) -> None:
    asked = {"metric": "hashrate.avg", "of": ["gamma-1", "gamma-2"], "from": "2026-06-01", "to": "2026-06-03"}
    drawn = ask(**asked, chart="1")
    rows = ask(**asked)["rows"]
    assert drawn["series"][1]["values"] == [1.2, None, 1.2]
    assert drawn["series"][0]["values"] == [row["gamma-1"] / 1000 for row in rows]
    assert drawn["series"][0]["unit"] == "TH/s"
    assert drawn["t"][0] == int(datetime(2026, 5, 31, 23, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("view", ["series", "waterfall", "ranking"])
def test_a_range_that_is_not_over_is_compared_by_the_same_time(view: str, member: Client) -> None:
    asked = {"view": view, "metric": "energy_cost.kwh", "compare": "1"}
    today = {"from": "2026-06-03", "to": "2026-06-03"}
    assert "both are counted up to the same time, this one to 12:00 on Wed 3 Jun" in said(
        member, **asked, **today
    )
    assert "is not over" not in said(member, **asked, **{"from": "2026-06-02", "to": "2026-06-02"})


def test_the_change_of_a_day_so_far_is_that_of_as_many_hours(ask: Ask, member: Client) -> None:
    day = {"metric": "energy_cost.kwh", "of": "gamma-1", "from": "2026-06-03", "to": "2026-06-03"}
    report(Miner.objects.get(name="gamma-1"), NOW - DAY + timedelta(hours=3), rows=6)  # later than now
    page = said(member, **day, compare="1")
    # From 11:10 to 12:00 here: 50 minutes of 18 W. The day before: 110 minutes up to 12:00, more after it.
    assert "before: 0.03 kWh · −54.5 %" in page
    rows = ask(view="ranking", metric="energy_cost.kwh", **{"from": "2026-06-03", "to": "2026-06-03"})["rows"]
    (one,) = (row for row in rows if row["place"].startswith("best") and row["miner"] == "gamma-1")
    assert (one["kwh"], one["before"]) == (pytest.approx(0.015), pytest.approx(0.033))


def test_what_is_not_over_is_marked_and_gives_no_colour(ask: Ask, member: Client) -> None:
    asked = {"metric": "hashrate.avg", "of": "gamma-1", "from": "2026-06-01", "to": "2026-06-03"}
    assert [row["is_open"] for row in ask(**asked)["rows"]] == [False, False, True]
    assert ask(**asked, chart="1")["series"][0]["open"] == 2
    assert "Wed 3 Jun 2026 is not over: its figures are up to now." in said(member, **asked)
    page = member.get(reverse("metrics:analytics"), {"view": "calendar", **asked}).text
    shades = dict(re.findall(r'class="(?:cell )?([a-z0-9-]+)"[^>]*><title>(\w+ \d)', page))
    assert {day: css for css, day in shades.items()} == {
        "Mon 1": "heat-5",
        "Tue 2": "heat-0",
        "Wed 3": "is-open",
    }
    assert "swatch is-open" in page
    only = {**asked, "from": "2026-06-03"}
    page = member.get(reverse("metrics:analytics"), {"view": "calendar", **only}).text
    assert "is-open" in page
    assert "cell heat-" not in page


def test_little_money_is_drawn_in_hundredths_with_the_digits_that_count(ask: Ask) -> None:
    asked = {"metric": "energy_cost.cost_gbp", "of": "gamma-1", **TWO_DAYS}
    (line,) = ask(**asked, chart="1")["series"]
    (_, amount) = (row["gamma-1"] for row in ask(**asked)["rows"])
    assert (line["unit"], line["values"][1]) == ("p", pytest.approx(100 * amount))
    assert line["digits"] == 2
