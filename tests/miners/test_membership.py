"""Miners added, moved and retired, sites on other tariffs: what belongs where, and what is computed anew."""

from datetime import UTC, date, datetime, timedelta

import pytest

from hmm.models import DirtyRange
from miners.membership import (
    MembershipRefused,
    add_miner,
    add_miners,
    move_miner,
    remove_site_tariff,
    retire_miner,
    set_site_tariff,
    site_numbered,
)
from miners.models import Miner, MinerSite, Site, SiteTariff
from miners.models.site import SINCE_EVER
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.waiting import second_of_two

TODAY = date(2026, 7, 10)
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory()


def say(miner: Miner, *days: int) -> None:
    """Have telemetry of `miner` at noon of these days of July 2026."""
    rows = [TelemetryRow(miner.pk, datetime(2026, 7, day, 12, tzinfo=UTC), 3600, 1.0) for day in days]
    write_rows(rows, source="push", now=NOW)
    DirtyRange.objects.all().delete()


def dirty() -> list[tuple[list[int], datetime, datetime]]:
    return [(r.entity_ids, r.start, r.end) for r in DirtyRange.objects.order_by("pk")]


def midnight_of(day: int) -> datetime:
    """The start of that local day of July 2026 in London."""
    return datetime(2026, 7, day, tzinfo=UTC) - timedelta(hours=1)


def noon_of(day: int) -> datetime:
    return datetime(2026, 7, day, 12, tzinfo=UTC)


def moves(miner: Miner) -> list[tuple[date, int]]:
    return list(
        MinerSite.objects.filter(miner=miner).order_by("start_date").values_list("start_date", "site")
    )


def test_a_miner_that_is_added_belongs_to_its_site_since_ever(site: Site) -> None:
    miner = add_miner("bench", "192.0.2.4", 80, "axeos", site=site, identity="02:AA")
    miner.refresh_from_db()
    assert (miner.host, miner.port, miner.driver, miner.identity) == ("192.0.2.4", 80, "axeos", "02:AA")
    assert moves(miner) == [(SINCE_EVER, site.pk)]


def test_a_miner_that_a_script_saves_belongs_to_its_site_once(site: Site) -> None:
    miner = Miner.objects.create(name="by hand", site=site)
    miner.notes = "saved again"
    miner.save()
    assert moves(miner) == [(SINCE_EVER, site.pk)]


def test_a_copy_that_a_script_makes_belongs_to_its_site(site: Site) -> None:
    miner = Miner.objects.create(name="by hand", site=site)
    miner.pk, miner.name = None, "its copy"
    miner.save()
    assert moves(miner) == [(SINCE_EVER, site.pk)]


@pytest.mark.parametrize(
    ("name", "host", "identity", "why"),
    [
        ("bench", "192.0.2.5", "", "called bench already"),
        ("other", "192.0.2.4", "", "bench has that address"),
        ("other", "192.0.2.5", "02:AA", "it is bench"),
    ],
)
def test_a_name_an_address_or_a_device_is_there_once(
    site: Site, name: str, host: str, identity: str, why: str
) -> None:
    add_miner("bench", "192.0.2.4", 80, site=site, identity="02:AA")
    with pytest.raises(MembershipRefused, match=why):
        add_miner(name, host, 80, site=site, identity=identity)
    assert Miner.objects.count() == 1


def test_the_address_of_a_retired_miner_is_free(site: Site) -> None:
    retire_miner(add_miner("bench", "192.0.2.4", 80, site=site, identity="02:AA"), NOW)
    assert add_miner("again", "192.0.2.4", 80, site=site, identity="02:AA").pk


def test_many_miners_without_an_address(site: Site) -> None:
    made = add_miners(["a", "b"], site)
    assert [moves(miner) for miner in made] == [[(SINCE_EVER, site.pk)]] * 2


def test_a_move_dates_the_site_and_dirties_what_the_miner_did_since(site: Site) -> None:
    miner, barn = MinerFactory(site=site), SiteFactory()
    say(miner, 1, 8)
    move_miner(miner, barn, date(2026, 7, 5), today=TODAY)
    miner.refresh_from_db()
    assert miner.site == barn
    assert moves(miner) == [(SINCE_EVER, site.pk), (date(2026, 7, 5), barn.pk)]
    assert dirty() == [([miner.pk], midnight_of(5), noon_of(8))]


def test_a_move_before_another_counts_until_that_and_leaves_it_where_it_is(site: Site) -> None:
    miner, barn, shed = MinerFactory(site=site), SiteFactory(), SiteFactory()
    say(miner, 1, 8)
    move_miner(miner, barn, date(2026, 7, 5), today=TODAY)
    DirtyRange.objects.all().delete()
    move_miner(miner, shed, date(2026, 7, 3), today=TODAY)
    miner.refresh_from_db()
    assert miner.site == barn
    assert dirty() == [([miner.pk], midnight_of(3), midnight_of(5))]


def test_a_move_since_ever_dirties_only_where_there_is_telemetry(site: Site) -> None:
    miner = MinerFactory(site=site)
    say(miner, 4, 8)
    move_miner(miner, SiteFactory(), SINCE_EVER, today=TODAY)
    assert dirty() == [([miner.pk], noon_of(4) - timedelta(hours=1), noon_of(8))]


def test_a_second_move_on_one_day_replaces_the_first(site: Site) -> None:
    miner, barn, shed = MinerFactory(site=site), SiteFactory(), SiteFactory()
    move_miner(miner, barn, TODAY, today=TODAY)
    move_miner(miner, shed, TODAY, today=TODAY)
    assert moves(miner) == [(SINCE_EVER, site.pk), (TODAY, shed.pk)]


def test_a_move_ahead_of_time_is_refused(site: Site) -> None:
    miner = MinerFactory(site=site)
    with pytest.raises(MembershipRefused, match="has not come"):
        move_miner(miner, SiteFactory(), TODAY + timedelta(days=1), today=TODAY)
    assert len(moves(miner)) == 1


def test_another_tariff_dirties_the_miners_that_are_or_were_there(site: Site) -> None:
    here, gone, elsewhere = MinerFactory(site=site), MinerFactory(site=site), MinerFactory()
    for miner in (here, gone, elsewhere):
        say(miner, 1, 8)
    move_miner(gone, SiteFactory(), TODAY, today=TODAY)
    DirtyRange.objects.all().delete()
    set_site_tariff(site, TariffFactory(), date(2026, 7, 2))
    assert sorted(dirty()) == [([pk], midnight_of(2), noon_of(8)) for pk in sorted([here.pk, gone.pk])]


def test_a_tariff_counts_until_the_next_one(site: Site) -> None:
    say(MinerFactory(site=site), 1, 8)
    set_site_tariff(site, TariffFactory(), date(2026, 7, 6))
    DirtyRange.objects.all().delete()
    set_site_tariff(site, TariffFactory(), date(2026, 7, 2))
    assert [(start, end) for _, start, end in dirty()] == [(midnight_of(2), midnight_of(6))]


def test_a_coming_tariff_dirties_nothing(site: Site) -> None:
    say(MinerFactory(site=site), 1, 8)
    set_site_tariff(site, TariffFactory(), date(2026, 8, 1))
    assert dirty() == []
    assert SiteTariff.objects.filter(site=site).count() == 2


def test_removing_a_tariff_dirties_its_time(site: Site) -> None:
    say(MinerFactory(site=site), 1, 8)
    set_site_tariff(site, TariffFactory(), date(2026, 7, 6))
    DirtyRange.objects.all().delete()
    remove_site_tariff(SiteTariff.objects.get(site=site, start_date=date(2026, 7, 6)))
    assert [(start, end) for _, start, end in dirty()] == [(midnight_of(6), noon_of(8))]


def test_a_retired_miner_stays_with_its_history(site: Site) -> None:
    miner = MinerFactory(site=site)
    retire_miner(miner, NOW)
    miner.refresh_from_db()
    assert (miner.retired_at, miner.enabled) == (NOW, False)
    assert moves(miner) == [(SINCE_EVER, site.pk)]


def test_an_unknown_site_is_refused_with_those_there_are(site: Site) -> None:
    with pytest.raises(MembershipRefused, match=f"there are: .*{site.pk} \\({site.name}\\)"):
        site_numbered(10_000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["garage", "attic"])
def test_of_two_that_are_added_at_once_the_second_is_refused(name: str) -> None:
    site = SiteFactory()
    with pytest.raises(MembershipRefused):
        second_of_two(
            lambda: add_miner("garage", "10.0.0.5", site=site),
            lambda: add_miner(name, "10.0.0.5", site=site),
        )
    assert Miner.objects.get().name == "garage"


@pytest.mark.django_db(transaction=True)
def test_a_name_that_an_import_is_creating_is_refused() -> None:
    """An import holds no lock of those that add one miner: it may take minutes."""
    site = SiteFactory()
    with pytest.raises(MembershipRefused, match="a miner is called garage already"):
        second_of_two(
            lambda: add_miners(["garage"], site), lambda: add_miner("garage", "10.0.0.5", site=site)
        )
    assert Miner.objects.get().name == "garage"
