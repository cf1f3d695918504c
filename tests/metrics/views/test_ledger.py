"""The ledger, from rows in the database to the page and the file."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from metrics.ledger import read
from metrics.models import Metric
from metrics.templatetags.hmm_format import money
from miners.models import Miner
from tests.metrics.fleet_at_work import TEN_MINUTES, publish, report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
TODAY = "2026-06-01"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def lines(page: str) -> list[list[str]]:
    """The cells of each line of the table."""
    rows = re.findall(r"<tr.*?</tr>", page.partition("<tbody")[2], re.S)
    cells = (re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in rows)
    return [[re.sub(r"\s+", " ", re.sub("<[^>]+>", "", cell)).strip() for cell in row] for row in cells]


def file_of(member: Client, **asked: str) -> list[dict[str, str]]:
    response = member.get(reverse("metrics:ledger_csv"), asked)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def test_each_miner_has_a_line_a_slot_with_the_figures_of_the_store(member: Client) -> None:
    working_miners(2, NOW)  # 18 W from 11:10 to 12:10 UTC
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    found = lines(member.get(reverse("metrics:ledger")).text)
    assert [row[:2] for row in found] == [
        [when, name]
        for when in ("12:00–12:30", "12:30–13:00", "13:00–13:30 · so far")
        for name in ("gamma-1", "gamma-2")
    ]
    assert found[2][2:] == ["0.0090", "20.00", "0.1800", "–", "–", "100 %"]
    stored = Metric.objects.get(
        metric_type="energy_cost",
        period="slot",
        entity_type="miner",
        entity_id=Miner.objects.get(name="gamma-1").pk,
        timestamp=NOW.replace(hour=11, minute=30),
    ).value_json
    assert (stored["kwh"], stored["cost_gbp"]) == (pytest.approx(0.009), pytest.approx(0.0018))


def test_the_day_is_summed_by_the_store_and_says_what_is_not_measured(member: Client) -> None:
    working_miners(2, NOW)
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    page = words_of(member.get(reverse("metrics:ledger")))
    pence = 2 * 0.018 * (20 / 60 * 10 + 30 / 60 * 20 + 10 / 60 * 30)
    assert f"Cost {money(pence / 100)}" in page
    assert "8 % of the day is measured; the rest is unknown, not zero" in page


def test_one_miner_has_every_slot_that_has_begun_also_those_without_readings(member: Client) -> None:
    working_miners(2, NOW)
    found = lines(member.get(reverse("metrics:ledger"), {"miner": "gamma-2"}).text)
    assert len(found) == 27  # from midnight to 13:30, local time
    assert found[0] == ["00:00–00:30 · no readings", "–", "–", "–", "–", "–", "–"]
    assert found[-1][0] == "13:00–13:30 · so far"
    assert found[-1][-1] == "100 %"


def test_all_together_are_one_line_a_slot(member: Client) -> None:
    working_miners(3, NOW)
    found = lines(member.get(reverse("metrics:ledger"), {"of": "together"}).text)
    assert len(found) == 27
    assert found[-2][:2] == ["12:30–13:00", "0.0270"]


@pytest.mark.parametrize(
    ("day", "noon", "slots"),
    [
        ("2026-03-29", datetime(2026, 3, 29, 11, tzinfo=UTC), 46),
        ("2025-10-26", datetime(2025, 10, 26, 12, tzinfo=UTC), 50),
        ("2026-05-31", datetime(2026, 5, 31, 11, tzinfo=UTC), 48),
    ],
)
def test_a_day_has_as_many_slots_as_the_clocks_give_it(
    day: str, noon: datetime, slots: int, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: noon + timedelta(hours=20))
    working_miners(1, noon)
    page = member.get(reverse("metrics:ledger"), {"day": day, "miner": "gamma-1"}).text
    found = lines(page)
    assert len(found) == slots
    assert len({row[0] for row in found}) == slots  # the hour that comes twice has its zone beside it
    assert ("slots</p>" in page or f"{slots} slots" in page) == (slots != 48)
    assert len(file_of(member, day=day, miner="gamma-1")) == slots


def test_the_file_has_the_lines_of_all_pages_unrounded(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "ON_A_PAGE", 2)
    monkeypatch.setattr(read, "IN_A_PIECE", 4)
    working_miners(2, NOW)
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    shown, address = [], reverse("metrics:ledger")
    while address:
        page = member.get(address).text
        shown += lines(page)
        onward = re.search(r'rel="next" href="([^"]*after[^"]*)"', page)
        address = onward[1].replace("&amp;", "&") if onward else ""
    rows = file_of(member, day=TODAY)
    assert len(shown) == len(rows) == 6
    assert [f"{float(row['kwh']):.4f}" for row in rows] == [line[2] for line in shown]
    assert [row["miner"] for row in rows] == [line[1] for line in shown]
    assert rows[2]["start"] == "2026-06-01T12:30:00+01:00"
    assert float(rows[2]["cost_gbp"]) == pytest.approx(0.0018)
    assert rows[2]["expected_revenue_gbp"] == ""  # not known, not zero
    assert rows[-1]["is_open"] == "yes"


def test_names_are_in_the_order_that_people_read_and_pages_go_back_as_they_came(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "ON_A_PAGE", 2)
    for miner, name in zip(working_miners(3, NOW), ("gamma-10", "beta", "gamma-9"), strict=True):
        Miner.objects.filter(pk=miner.pk).update(name=name)
    pages, onward = [], reverse("metrics:ledger")
    while onward:
        pages.append(member.get(onward).text)
        onward = link_of(pages[-1], "Next")
    names = [line[1] for page in pages for line in lines(page)]
    assert names == ["beta", "gamma-9", "gamma-10"] * 3  # two slots of the store, and the open one
    back = []
    page = pages[-1]
    while page:
        back.append(page)
        before = link_of(page, "Previous")
        page = member.get(before).text if before else ""
    assert [lines(page) for page in reversed(back)] == [lines(page) for page in pages]
    assert len(back) == 5


def link_of(page: str, words: str) -> str:
    """The address that a link with these words leads to, "" where there is none."""
    found = re.search(rf'href="(/ledger[^"]*)">{words}</a>', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_nothing_leads_to_a_day_that_cannot_be(member: Client) -> None:
    page = member.get(reverse("metrics:ledger"), {"day": "2000-01-01"})
    assert page.status_code == 200
    assert "Day before" not in page.text
    assert "Next day" in page.text


def test_no_name_can_pass_for_a_formula(member: Client) -> None:
    (miner,) = working_miners(1, NOW)
    Miner.objects.filter(pk=miner.pk).update(name='=HYPERLINK("x")')
    assert {row["miner"] for row in file_of(member, day=TODAY)} == {'\'=HYPERLINK("x")'}


def test_a_day_without_readings_says_so_and_what_to_do(member: Client) -> None:
    working_miners(1, NOW)
    page = member.get(reverse("metrics:ledger"), {"day": "2026-05-30"}).text
    assert "Nothing was measured on this day" in page
    assert "manage.py backfill_metrics --from 2026-05-30 --to 2026-05-30" in page
    assert "This day has not begun" in member.get(reverse("metrics:ledger"), {"day": "2026-06-09"}).text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"day": "soon"}, "not a date"),
        ({"miner": "nobody"}, "there is no miner"),
        ({"after": "x"}, "no place"),
    ],
)
@pytest.mark.parametrize("name", ["metrics:ledger", "metrics:ledger_csv"])
def test_what_is_asked_wrongly_is_refused_in_words(
    asked: dict[str, str], said: str, name: str, member: Client
) -> None:
    response = member.get(reverse(name), asked)
    assert response.status_code == 422
    assert said in response.text


def test_what_is_not_computed_names_the_command(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    (miner,) = working_miners(1, NOW)
    member.get(reverse("metrics:ledger"))
    report(miner, NOW + 5 * timedelta(days=1), rows=6)
    monkeypatch.setattr(timezone, "now", lambda: NOW + 5 * timedelta(days=1) + TEN_MINUTES)
    response = member.get(reverse("metrics:ledger"), {"day": "2026-06-02"})
    assert response.status_code == 409
    assert "manage.py backfill_metrics --from" in response.text


@pytest.mark.parametrize("count", [1, 15])
@pytest.mark.parametrize(("asked", "queries"), [({}, 8), ({"of": "together"}, 9), ({"miner": "gamma-1"}, 11)])
def test_queries_are_as_many_however_many_miners(
    asked: dict[str, str],
    queries: int,
    count: int,
    member: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    working_miners(count, NOW)
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    member.get(reverse("metrics:ledger"), asked)  # the first read has the store computed
    with django_assert_num_queries(queries):
        member.get(reverse("metrics:ledger"), asked)


@pytest.mark.parametrize("name", ["metrics:ledger", "metrics:ledger_csv"])
def test_a_stranger_is_sent_to_the_login(name: str, client: Client) -> None:
    assert client.get(reverse(name))["Location"] == f"{reverse('login')}?next={reverse(name)}"
