"""Analytics, from rows in the database to the chart, the table and the files."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from metrics.analytics import asked as asking
from metrics.analytics import ranking
from metrics.analytics.asked import VIEWS
from metrics.query import aggregate
from miners.models import Miner, Site
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from pools.models import Pool
from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import TEN_MINUTES, publish, report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 3, 11, 10, tzinfo=UTC)  # 12:10 in London
DAY = timedelta(days=1)
TWO_DAYS = {"from": "2026-06-02", "to": "2026-06-03"}

pytestmark = pytest.mark.django_db
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    first, second = working_miners(2, NOW)  # 18 W and 1.2 TH/s in the last hour
    for ago, hashrate_ghs in ((1, 600.0), (2, 900.0)):
        report(first, NOW - ago * DAY, rows=12, hashrate_ghs=hashrate_ghs)
    report(second, NOW - 2 * DAY, rows=6)
    publish([10.0] * 48 + [30.0] * 200, datetime(2026, 5, 31, 23, tzinfo=UTC))


@pytest.fixture
def ask(member: Client) -> Ask:
    """The JSON of a view."""

    def answer(**asked: Any) -> dict[str, Any]:
        response = member.get(reverse("metrics:analytics_json"), asked)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    return answer


def said(member: Client, status: int = 200, **asked: Any) -> str:
    response = member.get(reverse("metrics:analytics"), asked)
    assert response.status_code == status
    return words_of(response)


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


def test_a_day_that_is_missing_before_moves_no_other_beside_it(ask: Ask) -> None:
    report(Miner.objects.get(name="gamma-1"), NOW - 4 * DAY, rows=6)
    asked = {"metric": "energy_cost.kwh", "of": "gamma-1", "from": "2026-06-01", "to": "2026-06-03"}
    told = {row["start"][:10]: row["the range before"] for row in ask(**asked, compare="1")["rows"]}
    assert told == {"2026-06-01": None, "2026-06-02": pytest.approx(0.018), "2026-06-03": None}


def test_a_name_is_no_formula_in_a_heading_either(member: Client) -> None:
    MinerFactory(name="=1+1", site=Site.objects.get(pk=1))
    answer = member.get(reverse("metrics:analytics_csv"), {"of": "=1+1", **TWO_DAYS})
    assert next(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig")))) == [
        "start",
        "'=1+1",
        "is_open",
    ]


@pytest.mark.parametrize("view", ["bands", "waterfall"])
def test_what_there_is_not_of_a_pool_is_refused(view: str, member: Client) -> None:
    Pool.objects.create(name="Solo")
    asked = {"view": view, "metric": "pool_health.health_score", "of": "pool Solo"}
    assert "There is no energy_cost of a pool" in said(member, 422, **asked)


def test_a_name_that_no_text_can_be_is_refused(member: Client) -> None:
    assert "There is no miner" in said(member, 422, of="a\x00b")


def test_the_chart_is_drawn_from_the_same_rows_with_gaps_as_gaps(ask: Ask) -> None:
    asked = {"metric": "hashrate.avg", "of": ["gamma-1", "gamma-2"], "from": "2026-06-01", "to": "2026-06-03"}
    drawn = ask(**asked, chart="1")
    rows = ask(**asked)["rows"]
    assert drawn["series"][1]["values"] == [1.2, None, 1.2]
    assert drawn["series"][0]["values"] == [row["gamma-1"] / 1000 for row in rows]
    assert drawn["series"][0]["unit"] == "TH/s"
    assert drawn["t"][0] == int(datetime(2026, 5, 31, 23, tzinfo=UTC).timestamp())


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


def test_what_changed_the_cost_needs_both_ranges(member: Client) -> None:
    page = said(member, view="waterfall", **{"from": "2026-06-01", "to": "2026-06-01"})
    assert "Nothing with a price was measured in the range before." in page
    assert "It needs the cost of this range and of the one before: a shorter range may have both." in page


@pytest.mark.parametrize("view", VIEWS)
def test_the_files_are_the_table_of_the_page(view: str, ask: Ask, member: Client) -> None:
    asked = {"view": view, "metric": "hashrate.avg", "of": "gamma-1", **TWO_DAYS}
    page = member.get(reverse("metrics:analytics"), asked)
    lines = re.findall(r"<tr>(.*?)</tr>", page.text.partition("<tbody>")[2], re.S)
    answer = member.get(reverse("metrics:analytics_csv"), asked)
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    records = ask(**asked)["rows"]
    assert len(lines) == len(rows) - 1 == len(records) > 0
    assert rows[0] == list(records[0])
    assert rows[1:] == [["" if cell is None else str(cell) for cell in record.values()] for record in records]


@pytest.mark.parametrize("view", VIEWS)
def test_an_address_shows_the_same_view_again(view: str, member: Client) -> None:
    first = member.get(
        reverse("metrics:analytics"), {"view": view, "metric": "hashrate.avg", "of": "gamma-1", **TWO_DAYS}
    )
    again = re.search(r'href="/analytics.csv(\?[^"]*)"', first.text)
    assert again
    second = member.get(reverse("metrics:analytics") + unescape(again[1]))
    assert without_token(second.text) == without_token(first.text)


def without_token(page: str) -> str:
    return re.sub(r'(X-CSRFToken": |csrfmiddlewaretoken" value=)"[^"]*"', "", unescape(page))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"view": "pie"}, "view: 'pie' is unknown; there are: series"),
        ({"metric": "joy.avg"}, "type: 'joy' is unknown"),
        ({"metric": "hashrate.joy"}, "metric: there is no 'joy' of hashrate"),
        ({"metric": "hashrate.unit"}, "key: 'unit' is unknown"),
        ({"of": "nobody"}, "of: there is no miner 'nobody'"),
        ({"of": "no\x00body"}, "of: there is no miner 'nobody'"),
        ({"of": "site Nowhere"}, "of: there is no miner 'site Nowhere'"),
        ({"of": ["all", "gamma-1", "gamma-2", "site Home", "1"]}, "of: at most 4 are drawn together, not 5"),
        (
            {"metric": "pool_health.health_score"},
            "of: there is no pool_health of a system; there is of: pool",
        ),
        (
            {"view": "distribution", "metric": "energy_cost.kwh"},
            "metric: a distribution is of hashrate or temperature",
        ),
        (
            {"period": "slot", "from": "2026-01-01", "to": "2026-06-01"},
            "a page draws at most 800: take a longer period",
        ),
        ({"from": "2020-01-01", "view": "bands"}, "this view goes over at most 400"),
        ({"from": "2026-06-03", "to": "2026-06-01"}, "to: must not be before from"),
        ({"to": "someday"}, "to: 'someday' is not a date"),
        ({"period": "weekly", **TWO_DAYS}, "period: none begins from 2026-06-02 to 2026-06-03"),
    ],
)
@pytest.mark.parametrize("name", ["analytics", "analytics_csv", "analytics_json"])
def test_what_is_asked_wrongly_or_is_too_much_is_refused_in_words(
    asked: dict[str, Any], why: str, name: str, member: Client
) -> None:
    response = member.get(reverse(f"metrics:{name}"), asked)
    assert response.status_code == 422
    field, colon, words = why.partition(": ")
    beside = words[0].upper() + words[1:] if colon and " " not in field else why
    assert (beside if name == "analytics" else why) in unescape(response.text)


def test_a_refusal_keeps_the_form_as_it_was_filled_with_the_reason_beside_the_field(member: Client) -> None:
    asked = {
        "metric": "pool_health.health_score",
        "of": ["gamma-1", "nobody"],
        "period": "weekly",
        "from": "2026-06-02",
        "to": "3 June",
    }
    response = member.get(reverse("metrics:analytics"), asked)
    assert response.status_code == 422
    page = unescape(response.text)
    assert re.search(r'name="of" value="nobody"[^>]*aria-invalid="true"', page)
    assert re.search(r'id="of-error" role="alert">There is no miner', page)
    assert re.search(r'name="to" value="3 June"[^>]*aria-invalid="true"', page)
    assert '<option value="pool_health.health_score" selected>' in page
    assert 'value="2026-06-02"' in page
    assert "report-title" not in page


def test_what_there_is_not_is_not_offered(member: Client) -> None:
    Pool.objects.create(name="Solo")
    page = member.get(reverse("metrics:analytics"), {"metric": "uptime.uptime", **TWO_DAYS}).text
    assert "pool_health" not in page.partition("</select>")[0]  # of all miners there is none
    assert 'value="pool Solo"' not in page
    assert 'value="site Home"' in page
    assert "<option>weekly" not in page  # none begins on a Tuesday or Wednesday
    assert "<option>hourly" in page


def test_every_link_of_the_form_can_be_followed(member: Client) -> None:
    Pool.objects.create(name="Solo")
    first = reverse("metrics:analytics") + "?metric=energy_cost.total_kwh&from=2026-06-02&to=2026-06-03"
    seen, ahead = set[str](), [first]
    while ahead and len(seen) < 40:
        seen.add(address := ahead.pop(0))
        response = member.get(address)
        assert response.status_code == 200, address
        links = re.findall(r'href="(/analytics\?[^"]*)"', response.text)
        ahead += [link for link in map(unescape, links) if link not in seen and link not in ahead]
    assert any("metric=pool_health" in address for address in seen)


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


def test_a_year_of_days_is_within_the_bound() -> None:
    assert asking.MOST_POINTS >= 2 * 366
    assert asking.MOST_DAYS >= 366


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


QUERIES = {"series": 7, "calendar": 6, "distribution": 5, "ranking": 9, "bands": 5, "waterfall": 7}


@pytest.mark.parametrize("more", [0, 8])
@pytest.mark.parametrize("view", VIEWS)
def test_queries_are_as_many_however_many_miners(
    view: str, more: int, member: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(more):
        report(MinerFactory(site=Site.objects.get(pk=1)), NOW)
    asked = {"view": view, "metric": "hashrate.avg", "of": "gamma-1", **TWO_DAYS}
    member.get(reverse("metrics:analytics"), asked)
    with django_assert_num_queries(QUERIES[view]):
        member.get(reverse("metrics:analytics"), asked)


@pytest.mark.parametrize("name", ["analytics", "analytics_csv", "analytics_json"])
def test_a_stranger_is_sent_to_the_login(name: str, client: Client) -> None:
    assert client.get(reverse(f"metrics:{name}"))["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_alone_is_of_a_figure_that_it_can_be_of(view: str, member: Client) -> None:
    assert member.get(reverse("metrics:analytics"), {"view": view}).status_code == 200
