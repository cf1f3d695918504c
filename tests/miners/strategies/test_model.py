"""Stored strategies: weights sum to 1.00 in the model, in the admin and in the database, said in the same words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from miners.models import CurtailmentStrategy, Miner, Site, StrategyKind, Tier, check_weights
from miners.strategies.seeds import SEEDS, SeedingRefused, seed_strategies
from tests.factories import MinerFactory, SiteFactory, UserFactory

WORDS = "The weights must sum to 1.00: 0.70 + 0.20 + 0.20 is 1.10."
WRONG = {"weight_performance": "0.70", "weight_efficiency": "0.20", "weight_uptime": "0.20"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def home() -> Site:
    return Site.objects.get(pk=1)


def strategy(site: Site, **fields: Any) -> CurtailmentStrategy:
    own = {
        "name": "Mine",
        "kind": StrategyKind.CUSTOM,
        "weight_performance": Decimal("0.50"),
        "weight_efficiency": Decimal("0.30"),
        "weight_uptime": Decimal("0.20"),
        "minimum_uptime": Decimal("0.80"),
    }
    return CurtailmentStrategy(site=site, **own | fields)


def test_wrong_weights_are_refused_by_model_admin_and_seeding_in_the_same_words(
    home: Site, admin: Client
) -> None:
    numbers = {field: Decimal(text) for field, text in WRONG.items()}
    with pytest.raises(ValidationError) as of_validator:
        check_weights(*numbers.values())
    with pytest.raises(ValidationError) as of_model:
        strategy(home, **numbers).full_clean()
    page = admin.post(reverse("admin:miners_curtailmentstrategy_add"), form(home, **WRONG)).text
    with pytest.raises(SeedingRefused) as of_seeding:
        seed_strategies(home, force=False, seeds=[SEEDS[0], replace(SEEDS[1], **numbers)])
    assert of_validator.value.messages == [WORDS]
    assert of_model.value.messages == [WORDS]
    assert page.count(WORDS) == 1
    assert "constraint" not in page.lower()
    assert str(of_seeding.value) == f"{SEEDS[1].name}: {WORDS}"
    assert not CurtailmentStrategy.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {field: Decimal(text) for field, text in WRONG.items()},
        {"weight_performance": Decimal("-0.50"), "weight_uptime": Decimal("1.20")},
        {"minimum_uptime": Decimal("1.01")},
        {"minimum_uptime": Decimal("-0.01")},
    ],
)
def test_the_database_refuses_what_gets_past_the_model(home: Site, wrong: dict[str, Decimal]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        strategy(home, **wrong).save()
    saved = strategy(home)
    saved.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        CurtailmentStrategy.objects.filter(pk=saved.pk).update(**wrong)


@pytest.mark.parametrize("weights", [("0.33", "0.33", "0.34"), ("1.00", "0.00", "0.00"), ("0", "0", "1")])
def test_weights_that_sum_to_one_are_kept_to_the_hundredth(home: Site, weights: tuple[str, ...]) -> None:
    kept = strategy(home, **dict(zip(WRONG, map(Decimal, weights), strict=True)))
    kept.full_clean()
    kept.save()
    kept.refresh_from_db()
    assert kept.weights == tuple(map(Decimal, weights))


def test_a_weight_that_is_no_number_is_refused_at_its_own_field(home: Site) -> None:
    with pytest.raises(ValidationError) as refused:
        strategy(home, weight_performance="much").full_clean()
    assert list(refused.value.message_dict) == ["weight_performance"]


def test_a_name_is_there_once_a_site(home: Site) -> None:
    strategy(home).save()
    strategy(SiteFactory()).save()
    with pytest.raises(ValidationError, match="has a strategy of that name already"):
        strategy(home).full_clean()


def test_a_miner_is_of_the_standard_tier_unless_said() -> None:
    miner = MinerFactory()
    assert (miner.tier, miner.customer) == (Tier.STANDARD, "")
    miner.tier = "gold"
    with pytest.raises(ValidationError, match="gold"):
        miner.full_clean()


def form(site: Site, **fields: Any) -> dict[str, Any]:
    own = {
        "site": site.pk,
        "name": "Mine",
        "kind": "custom",
        "weight_performance": "0.50",
        "weight_efficiency": "0.30",
        "weight_uptime": "0.20",
        "minimum_uptime": "0.80",
        "active": "on",
    }
    return own | fields


def test_a_strategy_of_ones_own_is_made_in_the_admin(home: Site, admin: Client) -> None:
    response = admin.post(reverse("admin:miners_curtailmentstrategy_add"), form(home))
    assert response.status_code == 302, response.text
    assert not CurtailmentStrategy.objects.get(site=home, name="Mine").is_seeded


def test_the_list_is_filtered_and_searched_and_takes_few_queries(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    for site in SiteFactory.create_batch(5):
        seed_strategies(site, force=False)
    url = reverse("admin:miners_curtailmentstrategy_changelist")
    with django_assert_max_num_queries(10):
        page = admin.get(url, {"kind": "custom", "active": "1", "seed__isempty": "0"})
    assert page.text.count("field-name") == 5
    assert "0 curtailment strategies" in admin.get(url, {"q": "no such"}).text


def test_the_action_leads_to_the_ranking_of_one_strategy(home: Site, admin: Client) -> None:
    first, second, *_ = (seeded.strategy for seeded in seed_strategies(home, force=False))
    assert first
    assert second
    url = reverse("admin:miners_curtailmentstrategy_changelist")
    one = admin.post(url, {"action": "show_ranking", "_selected_action": [first.pk]})
    ranking = f"{reverse('metrics:strategy_ranking')}?strategy={first.pk}"
    assert (one.status_code, one["Location"]) == (302, ranking)
    both = {"action": "show_ranking", "_selected_action": [first.pk, second.pk]}
    assert "Select one strategy" in admin.post(url, both, follow=True).text
    page = admin.get(reverse("admin:miners_curtailmentstrategy_change", args=[first.pk])).text
    assert ranking in page


def test_customer_and_tier_are_set_and_filtered_in_the_admin(home: Site, admin: Client) -> None:
    MinerFactory(name="anns", customer="Ann", tier=Tier.VIP)
    MinerFactory(name="other")
    url = reverse("admin:miners_miner_changelist")
    page = admin.get(url, {"tier": "vip"}).text
    assert "anns" in page
    assert "other" not in page
    assert "anns" in admin.get(url, {"q": "Ann"}).text
    data = {"name": "new", "site": home.pk, "customer": "Bob", "tier": "premium"}
    counts = {"moves-TOTAL_FORMS": 0, "moves-INITIAL_FORMS": 0}
    assert admin.post(reverse("admin:miners_miner_add"), data | counts).status_code == 302
    made = Miner.objects.get(name="new")
    assert (made.customer, made.tier) == ("Bob", "premium")
