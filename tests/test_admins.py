"""What the admin of every model keeps to: it can be searched or filtered, and facts are only looked at."""

import gzip
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django_q.models import OrmQ
from pytest_django.asserts import assertHTMLEqual

from energy.models import PriceSlot, Tariff
from hmm.admin import LightListAdmin, ReadOnlyAdmin
from hmm.models import DirtyRange, Heartbeat, Installation, JobRun, OutsideSource
from metrics.models import Watermark
from miners.models import Command, LatestReading, Miner, SetAside, StateChange
from pools.models import CoinPrice, NetworkState, Pool, PoolReading
from tests.factories import MinerFactory, MinerModelFactory, PriceSlotFactory, UserFactory
from tests.pages import words_of

OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in {"hmm", "energy", "pools", "miners", "metrics"}
]
FACTS = (
    Command, CoinPrice, DirtyRange, JobRun, LatestReading, NetworkState, OutsideSource, PoolReading, PriceSlot, SetAside,
    StateChange,
)  # fmt: skip
FEW_ROWS = (Heartbeat, Installation, Watermark)
FIRST_VIEW_KB = 100
OF_FORMS = ("jquery", "xregexp", "urlify", "prepopulate", "core.js", "RelatedObjectLookups")
"""Scripts of the admin that only its forms use."""
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def names(models: Any) -> list[str]:
    return [model.__name__ for model in models]


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(
        UserFactory(is_staff=True, is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


LOOKS = {"show_ranking"}
"""Actions that change nothing."""


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS, ids=names(OURS))
def test_who_may_only_look_is_offered_no_action_that_changes_something(
    model: type[Model], rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = UserFactory(is_staff=True)
    may_look = Permission.objects.filter(
        content_type__app_label=model._meta.app_label, codename__startswith="view_"
    )
    request.user.user_permissions.set(may_look)
    its_admin = admin.site._registry[model]
    assert its_admin.has_view_permission(request)
    assert set(its_admin.get_actions(request)) <= LOOKS


def test_an_action_that_was_not_offered_does_nothing(client: Client, db: None) -> None:
    user, miner = UserFactory(is_staff=True), MinerFactory()
    user.user_permissions.set(Permission.objects.filter(codename="view_miner"))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.post(reverse("admin:miners_miner_changelist"), {"action": "retire", "_selected_action": miner.pk})
    miner.refresh_from_db()
    assert miner.retired_at is None


@pytest.mark.django_db
@pytest.mark.parametrize("model", FACTS, ids=names(FACTS))
def test_facts_are_looked_at_and_nobody_changes_them(model: type[Model], rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    its_admin = admin.site._registry[model]
    assert isinstance(its_admin, ReadOnlyAdmin)
    assert its_admin.has_view_permission(request)
    for may in (
        its_admin.has_add_permission,
        its_admin.has_change_permission,
        its_admin.has_delete_permission,
    ):
        assert not may(request)


@pytest.mark.parametrize("model", OURS, ids=names(OURS))
def test_each_list_can_be_searched_and_filtered_and_opens_for_any_word(
    model: type[Model], boss: Client
) -> None:
    its_admin = admin.site._registry[model]
    assert its_admin.list_display != ("__str__",)
    if model not in FEW_ROWS:
        assert its_admin.search_fields or its_admin.list_filter
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert boss.get(page, {"q": "a b%_\\'"} if its_admin.search_fields else {}).status_code == 200


def test_what_has_facts_cannot_be_deleted_with_them(boss: Client) -> None:
    slot, pool = PriceSlotFactory(), Pool.objects.create(name="p", client="ckpool")
    PoolReading.objects.create(pool=pool, timestamp=AT, covered_s=120, reachable=True)
    for kept in (slot.tariff, pool):
        name = f"admin:{kept._meta.app_label}_{kept._meta.model_name}"
        assert boss.post(reverse(f"{name}_delete", args=[kept.pk]), {"post": "yes"}).status_code == 403
        many = {"action": "delete_selected", "_selected_action": [kept.pk], "post": "yes"}
        boss.post(reverse(f"{name}_changelist"), many)
    assert Tariff.objects.filter(pk=slot.tariff_id).exists()
    assert Pool.objects.filter(pk=pool.pk).exists()
    assert PoolReading.objects.count() == 1


def test_prices_are_fetched_and_pools_checked_at_a_click(boss: Client) -> None:
    Tariff.objects.filter(pk=1).update(fetched_at=AT, retry_at=AT)
    chosen = {"action": "fetch_now", "_selected_action": [1]}
    assert (
        "Fetching the prices of 1 tariff."
        in boss.post(reverse("admin:energy_tariff_changelist"), chosen, follow=True).text
    )
    assert Tariff.objects.get(pk=1).fetched_at is None
    pool = Pool.objects.create(name="p", client="ckpool")
    boss.post(reverse("admin:pools_pool_changelist"), {"action": "check_now", "_selected_action": [pool.pk]})
    assert {task.task["func"] for task in OrmQ.objects.all()} == {
        "energy.tasks.fetch_prices",
        "pools.tasks.check_pools",
    }


def test_prices_below_zero_are_found(boss: Client) -> None:
    PriceSlotFactory(pence_per_kwh=-4.25)
    PriceSlotFactory(pence_per_kwh=81.25)
    page = reverse("admin:energy_priceslot_changelist")
    below = boss.get(page, {"below_zero": "yes"}).text
    assert "-4.25" in below
    assert "81.25" not in below
    assert "81.25" in boss.get(page, {"below_zero": "no"}).text


def test_an_empty_value_has_a_name_to_filter_by(boss: Client) -> None:
    MinerModelFactory(manufacturer="")
    MinerModelFactory(manufacturer="Bitaxe")
    page = boss.get(reverse("admin:miners_minermodel_changelist")).text
    assert '<a href="?manufacturer=">none</a>' in page


def test_a_miner_leads_to_its_page_and_a_site_counts_its_miners(boss: Client) -> None:
    miner = MinerFactory(site__name="Barn")
    MinerFactory(site=miner.site, retired_at=AT)
    assert (
        reverse("metrics:miner", args=[miner.pk])
        in boss.get(reverse("admin:miners_miner_change", args=[miner.pk])).text
    )
    assert (
        '<td class="field-miners_now">1</td>'
        in boss.get(reverse("admin:miners_site_changelist"), {"q": "Barn"}).text
    )
    assert Miner.objects.count() == 2


def assets_of(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js))"', page)


def gzipped_kb(page: str) -> float:
    """Return what the page weighs with the styles and scripts that it names."""
    files = [Path(str(finders.find(name))).read_bytes() for name in assets_of(page)]
    return sum(len(gzip.compress(each, mtime=0)) for each in [page.encode(), *files]) / 1000


def test_every_list_leaves_out_what_only_forms_use(boss: Client) -> None:
    for model in OURS:
        its_admin = admin.site._registry[model]
        assert isinstance(its_admin, LightListAdmin), model
    for _ in range(25):
        MinerFactory()
    page = boss.get(reverse("admin:miners_miner_changelist")).text
    scripts = [name for name in assets_of(page) if name.endswith(".js")]
    assert not [name for name in scripts if any(part in name for part in OF_FORMS)]
    assert {"admin/js/actions.js", "admin/js/filters.js"} <= set(scripts)
    assert gzipped_kb(page) < FIRST_VIEW_KB


def test_forms_and_lists_in_a_pop_up_keep_all_scripts(boss: Client) -> None:
    miner = MinerFactory()
    for page in (
        reverse("admin:miners_miner_add"),
        reverse("admin:miners_miner_change", args=[miner.pk]),
        f"{reverse('admin:miners_miner_changelist')}?_popup=1",
    ):
        names = " ".join(assets_of(boss.get(page).text))
        assert all(part in names for part in OF_FORMS), page


@pytest.mark.django_db
def test_the_box_of_a_row_is_that_of_django() -> None:
    miner = MinerFactory(name='Garage "3" <b>')
    its_admin = admin.site._registry[Miner]
    assertHTMLEqual(its_admin.action_checkbox(miner), admin.ModelAdmin.action_checkbox(its_admin, miner))


def test_quantities_have_their_units_and_times_the_clock_of_24_hours(boss: Client) -> None:
    miner = MinerFactory(state_since=AT)
    page = words_of(boss.get(reverse("admin:miners_miner_change", args=[miner.pk])))
    assert "Baseline hashrate, GH/s:" in page
    assert "Baseline power, W:" in page
    assert "1 Jun 2026 13:00:00" in page
    models = words_of(boss.get(reverse("admin:miners_minermodel_changelist")))
    assert "Max temperature, °C" in models
