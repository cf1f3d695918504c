"""How analytics is asked: its address, its form, its refusals, its files, its queries."""

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from metrics.analytics import asked as asking
from metrics.analytics.asked import VIEWS
from miners.models import Site
from pools.models import Pool
from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import report
from tests.metrics.views.analytics_house import NOW, TWO_DAYS, Ask, asks, fill, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    fill()


@pytest.fixture
def ask(member: Client) -> Ask:
    """The JSON of a view."""
    return asks(member)


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
    words = {None: "", False: "", True: "yes"}
    assert rows[1:] == [
        [words[cell] if cell is None or isinstance(cell, bool) else str(cell) for cell in record.values()]
        for record in records
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_an_address_shows_the_same_view_again(view: str, member: Client) -> None:
    first = member.get(
        reverse("metrics:analytics"), {"view": view, "metric": "hashrate.avg", "of": "gamma-1", **TWO_DAYS}
    )
    again = re.search(r'href="/analytics.csv(\?[^"]*)"', first.text)
    assert again
    second = member.get(reverse("metrics:analytics") + unescape(again[1]))
    assert without_token(second.text) == without_token(first.text)


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


def test_a_year_of_days_is_within_the_bound() -> None:
    assert asking.MOST_POINTS >= 2 * 366
    assert asking.MOST_DAYS >= 366


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


def without_token(page: str) -> str:
    return re.sub(r'(X-CSRFToken": |csrfmiddlewaretoken" value=)"[^"]*"', "", unescape(page))
