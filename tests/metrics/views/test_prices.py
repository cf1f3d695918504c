"""The page of prices, from published prices to what it says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from energy.models import PriceSlot, Tariff
from miners.models import SiteTariff
from tests.factories import TariffFactory
from tests.metrics.fleet_at_work import publish
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
MIDNIGHT = datetime(2026, 5, 31, 23, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db
See = Callable[..., str]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def see(member: Client) -> See:
    """The text of the page, without its markup."""

    def text(status: int = 200, **asked: str) -> str:
        response = member.get(reverse("metrics:prices"), asked)
        assert response.status_code == status
        return words_of(response)

    return text


def test_before_four_tomorrow_is_still_to_come(see: See) -> None:
    publish([20.0] * 46, MIDNIGHT)  # to 23:00, as Octopus does
    assert "Known until 23:00. Tomorrow's prices come after 16:00." in see()


def test_after_four_what_is_not_there_is_late(see: See, monkeypatch: pytest.MonkeyPatch) -> None:
    publish([20.0] * 46, MIDNIGHT)
    Tariff.objects.update(fetch_error="HTTP 503 from the price service")
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(hours=4))
    page = see()
    assert "Prices are late: known only until 23:00." in page
    assert "The last fetch of prices failed: HTTP 503 from the price service" in page


def test_a_tomorrow_that_is_known_is_among_the_bars(member: Client, see: See) -> None:
    publish([20.0] * 94, MIDNIGHT)
    assert "Known until 23:00 tomorrow." in see()
    assert member.get(reverse("metrics:prices")).text.count('class="bar ') == 94


def test_without_prices_the_page_says_how_to_get_them(see: See) -> None:
    page = see()
    assert "No price is known for now or later." in page
    assert "manage.py fetch_prices --tariff 1" in page
    assert "No price of the last weeks is known." in page


def test_missing_prices_are_named(see: See) -> None:
    publish([20.0] * 20, MIDNIGHT)
    publish([20.0] * 22, MIDNIGHT + timedelta(hours=12))
    assert "No price is known for today 10:00–12:00: energy then has no cost." in see()


def test_negative_prices_are_called_out_from_now_on(see: See) -> None:
    publish([-9.0, *[20.0] * 27, -1.5, -4.2, 3.0], MIDNIGHT)
    page = see()
    assert "Negative today 14:00–15:00, down to −4.2 p" in page
    assert "−9.0 p: who" not in page


def test_the_cheapest_hours_are_said_and_marked(member: Client, see: See) -> None:
    publish([20.0] * 28 + [9, 5, 20, 4, 20, 6, 7, 30], MIDNIGHT)
    asked = {"hours": "1", "stretch": "60"}
    assert "1 h for 6.5 p on average" in see(**asked)
    assert "today 16:30–17:30 · 1 h · 6.5 p" in see(**asked)
    assert member.get(reverse("metrics:prices"), asked).text.count("is-chosen") == 2
    assert "Only 30 min of 1 h for 4.0 p on average" in see(hours="1", stretch="0", ceiling="4.5")
    assert "No stretch that is known is like that: no dearer than 1.0 p." in see(ceiling="1", stretch="0")


def test_a_price_that_holds_for_years_is_shown_and_planned_with(member: Client, see: See) -> None:
    tariff = Tariff.objects.get(pk=1)
    PriceSlot.objects.create(tariff=tariff, start=NOW - 600 * DAY, end=NOW + 3000 * DAY, pence_per_kwh=24.5)
    said = see()
    assert "14:00–18:00" in said
    assert "today 14:00" in said
    board = member.get(reverse("metrics:price_bars")).text
    assert len(re.findall("<rect[^>]*band-high", board)) == 1
    assert re.search(r"<text[^>]*>Tue</text>", board)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hours": "0"}, "greater than or equal to 0.25"),
        ({"hours": "many"}, "Enter a number"),
        ({"stretch": "300"}, "cannot be longer than the 4 hours together"),
        ({"tariff": "77"}, "There is no such tariff"),
        ({"ceiling": "nan"}, "Enter a number"),
    ],
)
def test_what_is_asked_wrongly_is_said_beside_the_form(asked: dict[str, str], said: str, see: See) -> None:
    publish([20.0] * 46, MIDNIGHT)
    assert said in see(422, **asked)


def test_the_last_weeks_are_a_map_of_hours_and_change_with_their_prices(member: Client, see: See) -> None:
    publish([10.0, 30.0] * 24 + [-1.0] * 4 + [8.0] * 44, MIDNIGHT - 2 * DAY)
    publish([20.0] * 46, MIDNIGHT)
    assert "Sat 30 May 10.00 20.00 30.00 0" in see()
    assert "Sun 31 May −1.00 7.25 8.00 2" in see()
    assert member.get(reverse("metrics:prices")).text.count('class="cell ') == 48
    PriceSlot.objects.filter(start=MIDNIGHT - DAY).update(pence_per_kwh=-3)
    assert "Sun 31 May −3.00" in see()


def test_the_day_the_clocks_go_back_has_25_hours(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2025, 10, 27, 12, tzinfo=UTC))
    publish([20.0] * 50, datetime(2025, 10, 25, 23, tzinfo=UTC))
    page = member.get(reverse("metrics:prices")).text
    assert page.count('class="cell ') == 25
    assert "Sun 26 Oct 01:00–02:00 GMT: 20.0 p" in page
    assert "Sun 26 Oct 01:00–02:00 BST: 20.0 p" in page


def test_another_tariff_may_be_asked_for(see: See) -> None:
    publish([20.0] * 46, MIDNIGHT)
    other = TariffFactory(name="Other")
    PriceSlot.objects.create(tariff=other, start=MIDNIGHT, end=MIDNIGHT + 2 * DAY, pence_per_kwh=7)
    assert "7.0 p now" in see(tariff=str(other.pk))
    assert "20.0 p now" in see()


def test_without_a_tariff_the_page_says_so(see: See) -> None:
    SiteTariff.objects.all().delete()
    Tariff.objects.all().delete()
    assert "No site is on a tariff" in see()


@pytest.mark.parametrize(("name", "queries"), [("metrics:prices", 6), ("metrics:price_outlook", 5)])
def test_queries_are_few_however_many_prices(
    name: str, queries: int, member: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    publish([20.0] * 46, MIDNIGHT)
    member.get(reverse(name))
    with django_assert_num_queries(queries):
        member.get(reverse(name))
    publish([20.0] * 46, MIDNIGHT - 2 * DAY)
    member.get(reverse(name))  # the last weeks are drawn anew
    with django_assert_num_queries(queries):
        member.get(reverse(name))


def test_the_part_that_moves_is_a_fragment(member: Client) -> None:
    publish([20.0] * 46, MIDNIGHT)
    response = member.get(reverse("metrics:price_outlook"))
    assert "<html" not in response.text
    assert "now-line" in response.text
    assert member.get(reverse("metrics:price_outlook"), {"hours": "x"}).status_code == 422


@pytest.mark.parametrize("name", ["metrics:prices", "metrics:price_outlook"])
def test_a_stranger_is_sent_to_the_login(name: str, client: Client) -> None:
    assert client.get(reverse(name))["Location"] == f"{reverse('login')}?next={reverse(name)}"
