from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from energy.models import StandingCharge, Tariff
from hmm.installation import change_installation, forget_installation
from hmm.lib.times import EARLIEST
from hmm.models import DirtyRange
from tests.factories import PriceSlotFactory, TariffFactory

pytestmark = pytest.mark.django_db

TERMS = {
    "name": "Mine",
    "provider": "octopus_agile",
    "product": "agile-24-10-01",
    "region": "a",
    "fixed_pence_per_kwh": "",
    "slot_s": "1800",
    "currency": "GBP",
    "active": "on",
}


def day(number: int) -> datetime:
    return datetime(2025, 1, number, tzinfo=UTC)


def errors(response) -> dict:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def test_a_tariff_is_added_with_its_letters_in_capitals(admin_client):
    response = admin_client.post(reverse("admin:energy_tariff_add"), TERMS)
    assert response.status_code == 302
    tariff = Tariff.objects.get(name="Mine")
    assert (tariff.product, tariff.region) == ("AGILE-24-10-01", "A")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"provider": "pigeon"}, "provider"),
        ({"product": ""}, "product"),
        ({"region": ""}, "region"),
        ({"region": "I"}, "region"),
        ({"region": "o"}, "region"),
        ({"region": "Q"}, "region"),
        ({"provider": "fixed"}, "fixed_pence_per_kwh"),
        ({"provider": "fixed", "fixed_pence_per_kwh": "inf"}, "fixed_pence_per_kwh"),
        ({"provider": "fixed", "fixed_pence_per_kwh": "1e9"}, "fixed_pence_per_kwh"),
        ({"slot_s": "1000"}, "slot_s"),
    ],
)
def test_terms_that_cannot_be_are_refused_at_their_field(admin_client, terms, field):
    response = admin_client.post(reverse("admin:energy_tariff_add"), TERMS | terms)
    assert field in errors(response)
    assert not Tariff.objects.filter(name="Mine").exists()


def test_changed_terms_are_fetched_anew_and_a_changed_name_is_not(admin_client):
    tariff = TariffFactory(fetched_at=day(1), retry_at=day(2), fetch_error="no")
    form = TERMS | {"provider": "fixed", "fixed_pence_per_kwh": "20.0"}
    url = reverse("admin:energy_tariff_change", args=[tariff.pk])
    admin_client.post(url, form | {"product": "", "region": ""})
    tariff.refresh_from_db()
    assert (tariff.name, tariff.fetched_at, tariff.fetch_error) == ("Mine", day(1), "no")
    assert tariff.terms_since is None
    admin_client.post(url, form | {"fixed_pence_per_kwh": "21.0", "product": "", "region": ""})
    tariff.refresh_from_db()
    assert (tariff.fetched_at, tariff.retry_at, tariff.fetch_error) == (None, None, "")
    assert tariff.terms_since is not None


def test_a_tariff_begins_in_the_money_of_costs_and_other_money_is_said(admin_client):
    change_installation("Europe/London", "EUR")
    forget_installation()
    add = reverse("admin:energy_tariff_add")
    assert '<option value="EUR" selected>' in admin_client.get(add).text
    said = "is in GBP, and costs are told in EUR: its prices are not converted"
    assert said in admin_client.post(add, TERMS, follow=True).text
    assert said not in admin_client.post(add, TERMS | {"name": "2", "currency": "EUR"}, follow=True).text


def test_prices_are_only_looked_at(admin_client):
    slot = PriceSlotFactory(start=day(3), end=day(4))
    PriceSlotFactory(start=day(3), end=day(4))
    listing = admin_client.get(
        reverse("admin:energy_priceslot_changelist"),
        {"tariff__id__exact": slot.tariff_id, "start__year": 2025},
    )
    assert [found.pk for found in listing.context["cl"].result_list] == [slot.pk]
    assert admin_client.get(reverse("admin:energy_priceslot_add")).status_code == 403
    url = reverse("admin:energy_priceslot_change", args=[slot.pk])
    assert admin_client.post(url, {"pence_per_kwh": "1"}).status_code == 403
    assert admin_client.post(reverse("admin:energy_priceslot_delete", args=[slot.pk])).status_code == 403


def charge(start: int, pence: float, end: int | None = None) -> dict:
    return {
        "start_0": f"2025-01-{start:02}",
        "start_1": "00:00:00",
        "end_0": f"2025-01-{end:02}" if end else "",
        "end_1": "00:00:00" if end else "",
        "pence_per_day": pence,
    }


def test_a_standing_charge_marks_the_days_it_changes(admin_client):
    tariff = TariffFactory()
    add = reverse("admin:energy_standingcharge_add")
    assert admin_client.post(add, charge(1, 50, 11) | {"tariff": tariff.pk}).status_code == 302
    assert list(DirtyRange.objects.values_list("start", "end")) == [(day(1), day(11))]
    row = StandingCharge.objects.get()
    DirtyRange.objects.all().delete()
    change = reverse("admin:energy_standingcharge_change", args=[row.pk])
    assert admin_client.post(change, charge(1, 50, 8)).status_code == 302
    assert list(DirtyRange.objects.values_list("start", "end")) == [(day(8), day(11))]
    DirtyRange.objects.all().delete()
    delete = reverse("admin:energy_standingcharge_delete", args=[row.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert list(DirtyRange.objects.values_list("start", "end")) == [(day(1), day(8))]


def test_a_standing_charge_that_ends_in_years_marks_what_is_past(admin_client):
    tariff = TariffFactory()
    years = charge(1, 50) | {"tariff": tariff.pk, "end_0": "2099-01-01", "end_1": "00:00"}
    assert admin_client.post(reverse("admin:energy_standingcharge_add"), years).status_code == 302
    (start, end) = DirtyRange.objects.values_list("start", "end").get()
    assert start == day(1)
    assert timedelta(days=1) < end - timezone.now() <= timedelta(days=2)


def test_a_standing_charge_that_ends_at_noon_is_that_of_all_the_day(admin_client):
    add = reverse("admin:energy_standingcharge_add")
    noon = charge(1, 50, 11) | {"tariff": TariffFactory().pk, "end_1": "12:00:00"}
    assert admin_client.post(add, noon).status_code == 302
    assert list(DirtyRange.objects.values_list("start", "end")) == [(day(1), day(12))]


def test_a_mistyped_year_does_not_have_centuries_computed(admin_client):
    add = reverse("admin:energy_standingcharge_add")
    mistyped = charge(1, 50, 11) | {"tariff": TariffFactory().pk, "start_0": "0205-01-01"}
    assert admin_client.post(add, mistyped).status_code == 302
    assert list(DirtyRange.objects.values_list("start", "end")) == [(EARLIEST, day(11))]


def test_standing_charges_may_not_overlap(admin_client):
    tariff = TariffFactory()
    StandingCharge.objects.create(tariff=tariff, start=day(5), end=None, pence_per_day=50)
    add = reverse("admin:energy_standingcharge_add")
    refused = admin_client.post(add, charge(1, 40, 9) | {"tariff": tariff.pk})
    assert "overlaps another standing charge: 50.00 p/day" in str(errors(refused))
    assert admin_client.post(add, charge(1, 40, 5) | {"tariff": tariff.pk}).status_code == 302
    first = StandingCharge.objects.get(start=day(1))
    change = reverse("admin:energy_standingcharge_change", args=[first.pk])
    assert "overlaps" in str(errors(admin_client.post(change, charge(1, 40, 6))))


@pytest.mark.parametrize(
    ("pence", "reason"),
    [
        (5e-324, "less than 0.01 p a day; write 0 where nothing is charged"),
        (-0.0099, "less than 0.01 p a day"),
        (1e5 + 1, "within 100,000 p a day"),
        (1e308, "within 100,000 p a day"),
        ("inf", "Enter a number"),
        ("", "This field is required"),
    ],
)
def test_a_standing_charge_that_nobody_means_is_refused(admin_client, pence, reason):
    add = reverse("admin:energy_standingcharge_add")
    assert reason in str(errors(admin_client.post(add, charge(1, pence) | {"tariff": TariffFactory().pk})))
    assert not StandingCharge.objects.exists()


def test_a_standing_charge_may_be_nothing_a_hundredth_of_a_penny_and_a_credit(admin_client):
    tariff, add = TariffFactory(), reverse("admin:energy_standingcharge_add")
    for number, pence in enumerate((0, 0.01, -12.5), start=1):
        stored = admin_client.post(add, charge(number, pence, number + 1) | {"tariff": tariff.pk})
        assert stored.status_code == 302
    assert list(StandingCharge.objects.order_by("start").values_list("pence_per_day", flat=True)) == [
        0,
        0.01,
        -12.5,
    ]
