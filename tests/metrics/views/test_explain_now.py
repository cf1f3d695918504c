"""Explain this number, of prices and of what miners told at their last readings."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from energy.models import StandingCharge, Tariff
from metrics.explain.price import PriceRef
from metrics.explain.reading import QUANTITIES, ReadingRef
from miners.models import LatestReading, Miner
from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.metrics.views.figures import all_explained, ids_of
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
SLOT = NOW.replace(minute=0)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def miner() -> Miner:
    (made,) = working_miners(1, NOW)
    publish([10, 20, -3.25, 41.5], NOW.replace(hour=11, minute=0))
    return made


def said(member: Client, url: str, status: int = 200) -> str:
    response = member.get(url)
    assert response.status_code == status
    return words_of(response)


def test_a_price_names_its_provider_its_slots_and_when_they_were_fetched(
    member: Client, miner: Miner
) -> None:
    tariff = Tariff.objects.get(pk=1)
    Tariff.objects.filter(pk=1).update(fetched_at=NOW - timedelta(minutes=8), fetch_error="it was down")
    StandingCharge.objects.all().delete()
    StandingCharge.objects.create(tariff=tariff, start=NOW - timedelta(days=90), pence_per_day=48.5)
    page = said(member, PriceRef(1, NOW).url)
    assert f"Electricity price {tariff.name} −3.2 p/kWh slot 13:00–13:30, Mon 1 Jun 2026" in page
    assert "Exactly -3.25 p Holds 2026-06-01T12:00Z to 2026-06-01T12:30Z" in page
    assert f"Provider octopus_agile, {tariff.product}, region C Fetched 8 min ago" in page
    assert "Last fetch failed: it was down" in page
    assert "Standing charge 48.50 p a day Paid by Home" in page
    assert "12:30–13:00 20.00 13:00–13:30 (this one, now) −3.25 13:30–14:00 41.50" in page
    assert "manage.py fetch_prices --tariff 1 --from 2026-05-31T23:00Z --to 2026-06-01T23:00Z" in page


def test_an_average_price_has_the_slots_that_it_is_of(member: Client, miner: Miner) -> None:
    page = said(member, PriceRef(1, SLOT - timedelta(minutes=30), SLOT + timedelta(minutes=30)).url)
    assert "Average price" in page
    assert "8.4 p/kWh 12:30–13:30, Mon 1 Jun 2026" in page  # (20 − 3.25) / 2
    assert "Mon 12:30–13:00 20.00 Mon 13:00–13:30 (now) −3.25" in page


def test_where_no_price_is_known_it_says_what_follows(member: Client, miner: Miner) -> None:
    assert "No price is known for this time: energy then has no cost." in said(
        member, PriceRef(1, NOW + timedelta(days=9)).url
    )


def test_a_reading_names_its_driver_and_has_the_rows_that_are_kept(member: Client, miner: Miner) -> None:
    LatestReading.objects.filter(pk=miner.pk).update(warnings=["no fan"], firmware="v2.9")
    Miner.objects.filter(pk=miner.pk).update(driver="axeos", host="10.0.0.7", port=80)
    page = said(member, ReadingRef("power", miner.pk).url)
    assert "Power now miner gamma-1 18.0 W read 13:10:00, Mon 1 Jun 2026" in page
    assert "Driver axeos Polled each" in page
    assert "Firmware v2.9" in page
    assert "13:00:00–13:10:00 18.0 W 1.20 TH/s 58.0 °C 199 + 1 12:50:00–13:00:00" in page
    assert "no fan" in page
    assert "manage.py probe 10.0.0.7:80 --driver axeos" in page
    assert "15.0 J/TH" in said(member, ReadingRef("efficiency", miner.pk).url)
    assert "This device does not say it." in said(member, ReadingRef("fan", miner.pk).url)


def test_a_reading_that_is_too_old_is_not_shown_as_how_it_is(
    member: Client, miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(hours=3))
    page = said(member, ReadingRef("hashrate", miner.pk).url)
    assert "Hashrate now miner gamma-1 – read 13:10:00" in page
    assert "Its last reading is too old to say how it is" in page
    new = MinerFactory()
    assert "It has never told anything." in said(member, ReadingRef("hashrate", new.pk).url)


def test_what_all_do_now_is_the_sum_of_what_each_told(member: Client, miner: Miner) -> None:
    report(MinerFactory(name="delta", site=miner.site), NOW, hashrate_ghs=600.0)
    page = said(member, ReadingRef("hashrate").url)
    assert "Hashrate now all miners together 1.80 TH/s" in page
    assert "gamma-1 1.20 TH/s now delta 600 GH/s now" in page
    assert "2 miners" in said(member, ReadingRef("state").url)


@pytest.mark.parametrize(
    ("asked", "status", "why"),
    [
        ({"price": "99", "at": "2026-06-01T12:00Z"}, 404, "There is no tariff 99."),
        ({"price": "x", "at": "2026-06-01T12:00Z"}, 422, "price: 'x' is no id"),
        ({"price": "1"}, 422, "at: is needed"),
        ({"reading": "hashrate", "of": "999"}, 404, "There is no miner 999."),
        ({"reading": "hashrate"}, 422, "of: '' is no id"),
        ({"reading": "colour", "of": "all"}, 422, "reading: 'colour' is unknown"),
        ({"reading": "fan", "of": "all"}, 422, "of: there is no fan of all miners together"),
        ({"reading": "state", "of": "1"}, 422, "of: how the miners are is told of 'all'"),
        (
            {
                "type": "hashrate",
                "key": "avg",
                "entity_type": "miner",
                "entity_id": "999",
                "period": "slot",
                "at": "2026-06-01T12:00Z",
            },
            404,
            "There is no miner 999.",
        ),
    ],
)
def test_what_there_is_not_is_refused_in_words(
    asked: dict[str, str], status: int, why: str, member: Client
) -> None:
    response = member.get(reverse("metrics:explain"), asked)
    assert response.status_code == status
    assert why in unescape(response.text)


@pytest.mark.parametrize("name", ["fleet_summary", "price_bars", "prices"])
def test_what_the_pages_say_of_now_opens_its_explanation(name: str, member: Client, miner: Miner) -> None:
    page = member.get(reverse(f"metrics:{name}")).text
    assert all_explained(member, page) >= {"fleet_summary": 8, "price_bars": 3, "prices": 5}[name]
    assert len(ids_of(page)) == len(set(ids_of(page)))


def test_the_sentence_leads_to_what_it_says(member: Client, miner: Miner) -> None:
    page = unescape(member.get(reverse("metrics:fleet_summary")).text)
    sentence = page[page.index("headline") : page.index("<dl")]
    addresses = re.findall(r'href="(/explain[^"]*)"', sentence)
    assert [address.partition("?")[2].partition("&")[0] for address in addresses] == [
        "reading=state",
        "price=1",
        "type=energy_cost",
    ]


def test_every_figure_of_a_miners_reading_is_explained(member: Client, miner: Miner) -> None:
    page = member.get(reverse("metrics:miner_reading", args=[miner.pk])).text
    assert all_explained(member, page) == 5


@pytest.mark.parametrize("more", [0, 12])
@pytest.mark.parametrize(
    ("url", "queries"),
    [
        (PriceRef(1, NOW).url, 5),
        (ReadingRef("power").url, 3),
        (ReadingRef("power", 1).url, 6),
    ],
)
def test_queries_are_as_many_however_many_miners(
    url: str,
    queries: int,
    more: int,
    member: Client,
    miner: Miner,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(more):
        report(MinerFactory(site=miner.site), NOW)
    url = url.replace("of=1", f"of={miner.pk}")
    member.get(url)
    with django_assert_num_queries(queries):
        member.get(url)


def test_each_quantity_has_an_order_of_the_fleets_table_or_none() -> None:
    assert {name for name, quantity in QUANTITIES.items() if quantity.total} == {
        "hashrate",
        "power",
        "efficiency",
    }
