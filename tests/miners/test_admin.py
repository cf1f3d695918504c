"""The admin of miners: what reaches into the past goes the right way, and history is not deleted."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.admin.sites import site as admin_site
from django.test import Client, RequestFactory
from django.urls import reverse

from hmm.models import DirtyRange
from miners.models import Miner, MinerSite, SetAside, Site, SiteTariff, StateChange
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory, TariffFactory, UserFactory

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def change(client: Client, miner: Miner, **fields: object) -> None:
    data = {
        "name": miner.name,
        "site": miner.site_id,
        "host": miner.host,
        "tier": miner.tier,
        "moves-TOTAL_FORMS": 0,
        "moves-INITIAL_FORMS": 0,
    } | fields
    response = client.post(reverse("admin:miners_miner_change", args=[miner.pk]), data)
    assert response.status_code == 302, response.content.decode()


def test_the_list_shows_state_hashrate_and_power(admin: Client) -> None:
    miner = MinerFactory(name="bench", host="192.0.2.4", port=80)
    MinerFactory(name="silent")
    write_rows([TelemetryRow(miner.pk, NOW, 30, 3010.0, 90_000.0)], source="push", now=NOW)
    page = admin.get(reverse("admin:miners_miner_changelist")).content.decode()
    assert "90.0 TH/s" in page
    assert "3,010 W" in page
    assert "192.0.2.4:80" in page


def test_the_list_takes_few_queries_however_many_miners(
    admin: Client, django_assert_max_num_queries: object
) -> None:
    MinerFactory.create_batch(20)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        admin.get(reverse("admin:miners_miner_changelist"))


def test_another_site_is_a_move_from_today_on(admin: Client) -> None:
    miner, barn = MinerFactory(), SiteFactory()
    old = miner.site
    change(admin, miner, site=barn.pk, notes="moved")
    miner.refresh_from_db()
    assert (miner.site, miner.notes) == (barn, "moved")
    assert [m.site for m in MinerSite.objects.filter(miner=miner).order_by("start_date")] == [old, barn]


def test_another_name_is_no_move(admin: Client) -> None:
    miner = MinerFactory()
    change(admin, miner, name="bench")
    miner.refresh_from_db()
    assert miner.name == "bench"
    assert MinerSite.objects.filter(miner=miner).count() == 1


def test_what_the_collector_writes_meanwhile_stays(rf: RequestFactory, db: None) -> None:
    miner, its_admin, request = MinerFactory(enabled=False), admin_site._registry[Miner], rf.post("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    data = {"name": "bench", "site": miner.site_id, "tier": miner.tier}
    form = its_admin.get_form(request, miner, change=True)(data, instance=miner)
    assert form.is_valid(), form.errors
    Miner.objects.filter(pk=miner.pk).update(state="unreachable", state_reason="no answer", driver="axeos")
    its_admin.save_model(request, form.save(commit=False), form, change=True)
    miner.refresh_from_db()
    assert (miner.name, miner.state, miner.state_reason) == ("bench", "unreachable", "no answer")
    assert miner.driver == "axeos"


def test_a_miner_added_here_belongs_to_its_site(admin: Client) -> None:
    site = SiteFactory()
    data = {
        "name": "bench",
        "site": site.pk,
        "tier": "standard",
        "enabled": "on",
        "moves-TOTAL_FORMS": 0,
        "moves-INITIAL_FORMS": 0,
    }
    assert admin.post(reverse("admin:miners_miner_add"), data).status_code == 302
    assert MinerSite.objects.get(miner__name="bench").site == site


@pytest.mark.parametrize(
    ("action", "field", "expected"),
    [
        ("disable", "enabled", False),
        ("enable", "enabled", True),
        ("begin_maintenance", "maintenance", True),
        ("end_maintenance", "maintenance", False),
    ],
)
def test_actions(admin: Client, action: str, field: str, expected: bool) -> None:
    miner = MinerFactory(**{field: not expected})
    data = {"action": action, "_selected_action": [miner.pk]}
    admin.post(reverse("admin:miners_miner_changelist"), data)
    miner.refresh_from_db()
    assert getattr(miner, field) is expected


def test_miners_are_retired_and_cannot_be_deleted(admin: Client) -> None:
    miner = MinerFactory()
    admin.post(reverse("admin:miners_miner_changelist"), {"action": "retire", "_selected_action": [miner.pk]})
    miner.refresh_from_db()
    assert miner.retired_at is not None
    assert admin.post(reverse("admin:miners_miner_delete", args=[miner.pk])).status_code == 403


def tariff_form(site: Site, *entries: dict[str, object]) -> dict[str, object]:
    data: dict[str, object] = {"name": site.name, "poll_interval_s": 30}
    data |= {"tariffs-TOTAL_FORMS": len(entries), "tariffs-INITIAL_FORMS": sum("id" in e for e in entries)}
    for index, entry in enumerate(entries):
        data |= {f"tariffs-{index}-{name}": value for name, value in ({"site": site.pk} | entry).items()}
    return data


def test_tariffs_of_a_site_are_changed_with_the_figures_they_make(admin: Client) -> None:
    site, new = SiteFactory(), TariffFactory()
    miner = MinerFactory(site=site)
    write_rows([TelemetryRow(miner.pk, NOW, 30, 1.0)], source="push", now=NOW)
    DirtyRange.objects.all().delete()
    entry = SiteTariff.objects.get(site=site)
    kept = {"id": entry.pk, "tariff": entry.tariff_id, "start_date": "2026-02-01"}
    added = {"tariff": new.pk, "start_date": "2026-03-01"}
    url = reverse("admin:miners_site_change", args=[site.pk])
    response = admin.post(url, tariff_form(site, kept, added))
    assert response.status_code == 302, response.content.decode()
    found = SiteTariff.objects.filter(site=site).order_by("start_date").values_list("start_date", "tariff")
    assert list(found) == [(date(2026, 2, 1), entry.tariff_id), (date(2026, 3, 1), new.pk)]
    assert DirtyRange.objects.filter(entity_ids=[miner.pk]).exists()


def test_two_tariffs_may_change_places(admin: Client) -> None:
    site = SiteFactory()
    first = SiteTariff.objects.get(site=site)
    second = SiteTariff.objects.create(site=site, tariff=TariffFactory(), start_date=date(2026, 2, 1))
    form = tariff_form(
        site,
        {"id": first.pk, "tariff": second.tariff_id, "start_date": "2009-01-03"},
        {"id": second.pk, "tariff": first.tariff_id, "start_date": "2026-02-01"},
    )
    admin.post(reverse("admin:miners_site_change", args=[site.pk]), form)
    found = SiteTariff.objects.filter(site=site).order_by("start_date").values_list("tariff", flat=True)
    assert list(found) == [second.tariff_id, first.tariff_id]


@pytest.mark.parametrize("model", [StateChange, SetAside])
def test_what_the_collector_writes_is_only_looked_at(admin: Client, model: type) -> None:
    miner = MinerFactory()
    StateChange.objects.create(miner=miner, at=NOW, state="online")
    SetAside.objects.create(source="push", miner_name=miner.name, reason="odd", row={})
    name = f"miners_{model.__name__.lower()}"
    assert admin.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert admin.get(reverse(f"admin:{name}_add")).status_code == 403
    assert model in admin_site._registry


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("driver", "nope", "No driver is called"),
        ("host", "http://a b/", "Not an address"),
        ("host", "a;b\nc", "Not an address"),
        ("host", "10.0.0.1:80", "the port has a field of its own"),
    ],
)
def test_what_could_never_be_polled_is_refused(admin: Client, field: str, value: str, complaint: str) -> None:
    data = {"name": "Garage", "site": 1, "moves-TOTAL_FORMS": 0, "moves-INITIAL_FORMS": 0, field: value}
    response = admin.post(reverse("admin:miners_miner_add"), data)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not Miner.objects.filter(name="Garage").exists()


def test_a_host_copied_from_a_browser_is_kept_without_its_scheme(admin: Client) -> None:
    miner = MinerFactory()
    change(admin, miner, host="http://192.0.2.4/")
    miner.refresh_from_db()
    assert miner.host == "192.0.2.4"
