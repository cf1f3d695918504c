"""`seed_strategies`: the four, once; what a person has done to them stays, and their own is never touched."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.forms.models import model_to_dict

from miners.models import CurtailmentStrategy, Site
from tests.factories import SiteFactory

FOUR = {
    "performance_priority": ("0.70", "0.20", "0.10", False, "0.80"),
    "customer_priority": ("0.40", "0.20", "0.40", True, "0.85"),
    "fair_distribution": ("0.33", "0.33", "0.34", False, "0.75"),
    "custom": ("0.50", "0.30", "0.20", False, "0.80"),
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command; return what it says."""

    def run_command(*arguments: str) -> str:
        capsys.readouterr()
        call_command("seed_strategies", *arguments)
        return capsys.readouterr().out

    return run_command


def stored(site_id: int = 1) -> list[dict[str, Any]]:
    return [model_to_dict(one) | {"id": one.pk} for one in CurtailmentStrategy.objects.filter(site=site_id)]


def one(kind: str) -> CurtailmentStrategy:
    return CurtailmentStrategy.objects.get(site=1, kind=kind)


def test_the_four_are_made_for_the_site_home_unless_said(run: Any) -> None:
    barn = SiteFactory(name="Barn")
    said = run()
    found = {
        one.kind: (*map(str, one.weights), one.vip_protection, str(one.minimum_uptime))
        for one in CurtailmentStrategy.objects.filter(site=1)
    }
    assert found == FOUR
    assert all(one.active and one.is_seeded for one in CurtailmentStrategy.objects.all())
    assert "site 1, Home" in said
    assert "4 created" in said
    assert f"sites without strategies: {barn.pk} (Barn); name one with --site-id" in said
    assert not stored(barn.pk)


def test_another_site_has_its_own_four(run: Any) -> None:
    barn = SiteFactory(name="Barn")
    assert "sites without strategies: 1 (Home)" in run("--site-id", str(barn.pk))
    assert (len(stored(barn.pk)), len(stored())) == (4, 0)
    assert "sites without" not in run()


def test_running_again_changes_nothing_and_says_so(run: Any) -> None:
    run()
    before = stored()
    assert "4 unchanged" in run()
    assert "4 unchanged" in run("--force")
    assert stored() == before


def test_what_a_person_has_edited_stays_until_it_is_forced(run: Any) -> None:
    run()
    edited = one("custom")
    edited.weight_performance, edited.weight_uptime = Decimal("0.60"), Decimal("0.10")
    edited.name = "Evenings"
    edited.save()
    before = stored()
    said = run()
    assert "1 kept as edited" in said
    assert "weight performance is 0.60, seeded as 0.50" in said
    assert stored() == before
    assert "3 unchanged, 1 put back" in run("--force")
    edited.refresh_from_db()
    assert (edited.weights, edited.name) == (
        (Decimal("0.50"), Decimal("0.30"), Decimal("0.20")),
        "Evenings",
    )


def test_force_never_touches_the_users_own_nor_another_sites(run: Any) -> None:
    barn = SiteFactory()
    run("--site-id", str(barn.pk))
    CurtailmentStrategy.objects.filter(site=barn).update(active=False)
    run()
    own = CurtailmentStrategy.objects.create(
        site_id=1,
        name="Mine",
        kind="custom",
        weight_performance=Decimal("0.10"),
        weight_efficiency=Decimal("0.10"),
        weight_uptime=Decimal("0.80"),
        active=False,
    )
    before, of_barn = model_to_dict(own), stored(barn.pk)
    run("--force")
    own.refresh_from_db()
    assert model_to_dict(own) == before
    assert stored(barn.pk) == of_barn


def test_one_that_was_deleted_is_made_again(run: Any) -> None:
    run()
    one("fair_distribution").delete()
    assert "1 created, 3 unchanged" in run()


def test_a_name_that_the_users_own_has_is_refused_and_nothing_is_made(run: Any) -> None:
    CurtailmentStrategy.objects.create(
        site_id=1,
        name="Custom",
        kind="custom",
        weight_performance=1,
        weight_efficiency=0,
        weight_uptime=0,
    )
    with pytest.raises(CommandError, match="Custom: This site has a strategy of that name") as refused:
        run()
    assert refused.value.returncode == 2
    assert len(stored()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--site-id", "99"], r"no site has the id 99; there are: 1 \(Home\)"),
        (["--site-id", "99", "--verify-only"], "no site has the id 99"),
        (["--site-id", "home"], "invalid int value"),
        (["--force", "--verify-only"], "not allowed with argument"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_made(run: Any, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert not CurtailmentStrategy.objects.exists()


def test_verify_names_each_and_says_four_of_four(run: Any) -> None:
    run()
    before = stored()
    said = run("--verify-only")
    for name in ("Performance priority", "Customer priority", "Fair distribution", "Custom"):
        assert f"ok             {name}: " in said
    assert said.endswith("4 of 4\n")
    assert stored() == before


def test_verify_of_a_site_without_any_names_all_four_and_makes_none(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=r"0 of 4 at site 1: Performance priority is missing; ") as failed:
        run("--verify-only")
    assert failed.value.returncode == 1
    assert "missing        Custom\n" in capsys.readouterr().out
    assert not CurtailmentStrategy.objects.exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": False}, "active is False, seeded as True"),
        ({"kind": "custom"}, "kind is custom, seeded as customer_priority"),
        ({"vip_protection": False}, "vip protection is False"),
        ({"minimum_uptime": Decimal("0.10")}, "minimum uptime is 0.10, seeded as 0.85"),
        (
            {"weight_performance": Decimal("0.20"), "weight_efficiency": Decimal("0.40")},
            "weight performance is 0.20, seeded as 0.40 and weight efficiency is 0.40",
        ),
    ],
)
def test_verify_names_what_is_not_as_it_was_seeded(run: Any, change: dict[str, Any], why: str) -> None:
    run()
    CurtailmentStrategy.objects.filter(seed="customer_priority").update(**change)
    before = stored()
    with pytest.raises(CommandError, match=f"3 of 4 at site 1: Customer priority {why}") as failed:
        run("--verify-only")
    assert failed.value.returncode == 1
    assert stored() == before
    run("--force")
    assert "4 of 4" in run("--verify-only")


def test_verify_names_weights_that_got_past_every_rule(run: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE miners_curtailmentstrategy DROP CONSTRAINT strategy_weights_sum_to_one")
    run()
    CurtailmentStrategy.objects.filter(seed="custom").update(weight_uptime=Decimal("0.30"))
    with pytest.raises(CommandError, match=r"The weights must sum to 1.00: 0.50 \+ 0.30 \+ 0.30 is 1.10"):
        run("--verify-only")


def test_a_site_that_goes_takes_its_strategies_along(run: Any) -> None:
    barn: Site = SiteFactory(tariff=None)
    run("--site-id", str(barn.pk))
    barn.delete()
    assert not CurtailmentStrategy.objects.exists()
