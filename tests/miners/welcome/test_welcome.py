"""The first run: where one is, what electricity costs, which miners there are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from energy.models import Tariff
from hmm.installation import forget_installation, installation
from miners.membership import move_miner
from miners.models import Site, SiteTariff
from miners.welcome.tariff import choose_tariff
from tests.energy.servers import simulated_prices
from tests.factories import MinerFactory, SiteFactory, UserFactory
from tests.metrics.fleet_at_work import report
from tests.pages import words_of
from tests.waiting import second_of_two

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AGILE = {"kind": "octopus_agile", "region": "M", "postcode": "", "product": ""}
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client: Client) -> Client:
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def today_of(site: Site) -> Tariff:
    return SiteTariff.objects.filter(site=site).order_by("-start_date")[0].tariff


def choose(owner: Client, **chosen: str) -> Any:
    return owner.post(reverse("miners:welcome_electricity"), chosen, follow=True)


def test_an_empty_dashboard_leads_there(owner: Client) -> None:
    assert reverse("miners:welcome") in owner.get("/").text


def test_each_step_says_how_it_stands(owner: Client) -> None:
    page = words_of(owner.get(reverse("miners:welcome")))
    assert "Europe/London, Pound sterling" in page
    assert "Octopus Agile, no price for now" in page
    assert "none yet" in page


def test_who_may_not_add_miners_is_not_asked(client: Client) -> None:
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("miners:welcome")).status_code == 403


def test_each_step_has_a_permission_of_its_own(client: Client) -> None:
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="add_miner"))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("miners:welcome")).status_code == 200
    assert client.post(reverse("miners:welcome_place"), {}).status_code == 403
    assert client.post(reverse("miners:welcome_electricity"), {}).status_code == 403


def test_zone_and_currency_are_kept_where_they_always_are(
    owner: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(reverse("miners:welcome_place"), {"time_zone": "Europe/Berlin", "currency": "EUR"})
    assert (installation().time_zone, installation().currency) == ("Europe/Berlin", "EUR")
    forget_installation()


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Europe/Atlantis", "currency": "EUR"}, {"time_zone": "UTC", "currency": "XXX"}, {}],
)
def test_what_cannot_be_a_zone_or_currency_changes_nothing(owner: Client, wrong: dict[str, str]) -> None:
    response = owner.post(reverse("miners:welcome_place"), wrong)
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert installation().time_zone == "Europe/London"


def test_a_region_that_is_chosen_becomes_the_sites_tariff_since_ever(owner: Client) -> None:
    home = Site.objects.get(pk=1)
    page = words_of(choose(owner, **AGILE))
    assert "Home is on Octopus Agile, Yorkshire" in page
    assert (today_of(home).region, today_of(home).product) == ("M", "AGILE-24-10-01")
    assert SiteTariff.objects.filter(site=home).count() == 1
    assert not Tariff.objects.get(pk=1).active
    assert OrmQ.objects.count() == 1


def test_a_postcode_finds_the_region(owner: Client, settings: Any) -> None:
    with simulated_prices(NOW) as (url, _):
        settings.OCTOPUS_BASE_URL = url
        choose(owner, **AGILE | {"postcode": "m1 1ae"})  # and not Yorkshire, which is chosen
    assert today_of(Site.objects.get(pk=1)).region == "G"


def test_a_region_that_is_there_already_is_taken_again(owner: Client) -> None:
    choose(owner, **AGILE | {"region": "C"})
    assert today_of(Site.objects.get(pk=1)).pk == 1
    assert Tariff.objects.count() == 1


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"region": "", "postcode": "nowhere"}, "not a full British postcode"),
        ({"region": ""}, "Give a postcode, or choose the region"),
        ({"region": "I"}, "not one of the available choices"),
        ({"kind": "fixed", "price": ""}, "Say what a kWh costs"),
        ({"kind": "fixed", "price": "nan"}, "Enter a number"),
        ({"kind": "barter"}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(owner: Client, chosen: dict[str, str], why: str) -> None:
    response = choose(owner, **AGILE | chosen)
    assert response.status_code == 422
    assert why in words_of(response)
    assert today_of(Site.objects.get(pk=1)).pk == 1


def test_a_service_that_is_away_leaves_the_choice_to_the_person(owner: Client, settings: Any) -> None:
    settings.OCTOPUS_BASE_URL = "http://127.0.0.1:1"
    response = choose(owner, **AGILE | {"region": "", "postcode": "SW1A 1AA"})
    assert response.status_code == 422
    assert "Leave it empty and choose the region yourself" in words_of(response)


def test_one_price_is_in_the_installations_money(owner: Client) -> None:
    choose(owner, kind="fixed", price="24.5")
    tariff = today_of(Site.objects.get(pk=1))
    assert (tariff.provider, tariff.fixed_pence_per_kwh, tariff.currency) == ("fixed", 24.5, "GBP")


def test_a_house_with_figures_changes_from_today_on_and_keeps_its_past() -> None:
    home = Site.objects.get(pk=1)
    report(MinerFactory(site=home), NOW)
    terms = {"provider": "fixed", "fixed_pence_per_kwh": 24.5, "currency": "GBP"}
    choose_tariff(home, terms, NOW.date())
    assert list(
        SiteTariff.objects.filter(site=home).order_by("start_date").values_list("tariff__provider", flat=True)
    ) == [
        "octopus_agile",
        "fixed",
    ]
    assert Tariff.objects.get(pk=1).active


def test_a_house_whose_miners_have_moved_away_keeps_its_past() -> None:
    home = Site.objects.get(pk=1)
    miner = MinerFactory(site=home)
    report(miner, NOW)
    move_miner(miner, Site.objects.create(name="Barn"), NOW.date(), today=NOW.date())
    choose_tariff(home, {"provider": "fixed", "fixed_pence_per_kwh": 24.5, "currency": "GBP"}, NOW.date())
    assert SiteTariff.objects.filter(site=home).order_by("start_date")[0].tariff_id == 1


def test_a_tariff_that_no_site_has_yet_stays_as_it_is(owner: Client) -> None:
    kept = Tariff.objects.create(name="To compare", provider="fixed", fixed_pence_per_kwh=20)
    choose(owner, **AGILE)
    kept.refresh_from_db()
    assert kept.active


@pytest.mark.django_db(transaction=True)
def test_a_tariff_that_is_chosen_twice_at_once_is_made_once() -> None:
    """As on a double click."""
    home, terms = SiteFactory(), {"provider": "fixed", "fixed_pence_per_kwh": 24.5, "currency": "GBP"}
    chosen: list[Tariff] = []
    second = second_of_two(
        lambda: chosen.append(choose_tariff(home, terms, NOW.date())),
        lambda: choose_tariff(home, terms, NOW.date()),
    )
    assert [second] == chosen
    assert today_of(home) == second
