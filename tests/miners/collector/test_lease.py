"""Leases on sites: who takes them, how long they are trusted, and how they move."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now

from miners.collector.identity import Identity
from miners.collector.lease import Instant, SiteLeases
from miners.collector.lease_rows import living_collectors, read_holders, take, unpolled_sites
from miners.models import CollectorPresence, Miner, Site, SiteLease
from tests.factories import MinerFactory, SiteFactory
from tests.miners.collector.conftest import NOON, Device, HandClock, MakeCollector, add, tick_until

LEASE_S = 40.0
SAFE_S = LEASE_S - 5 - 1


def leases_of(name: str, hands: HandClock) -> SiteLeases:
    """Leases of a collector whose own clocks are set by hand; the database's runs on."""
    return SiteLeases(
        name,
        lease_s=LEASE_S,
        timeout_s=5,
        clock=lambda: Instant(hands.clock.monotonic(), hands.clock.now()),
    )


@pytest.fixture
def sites(db: None) -> list[Site]:
    """Four sites of one miner each."""
    Site.objects.all().delete()  # a fresh database has an empty one
    made = [SiteFactory() for _ in range(4)]
    for site in made:
        MinerFactory(site=site, host="127.0.0.1")
    return made


def polls(one: SiteLeases, hands: HandClock) -> set[int]:
    """Renew, and return the sites whose miners may be polled now."""
    hands.forward(one.renew_s)
    return {target.site_id for target in one.fleet().values() if one.may_poll(target)}


def lapse(*names: str) -> None:
    """Have the leases and the presence of these collectors end: as if their time were over.

    By far, since Now() is the statement's time, and the test is one transaction, which began before.
    """
    over = Now() - timedelta(hours=1)
    SiteLease.objects.filter(holder__in=names).update(until=over)
    CollectorPresence.objects.filter(name__in=names).update(until=over)


def settle(one: SiteLeases, hands: HandClock) -> None:
    """Keep in touch with the database for as long as it takes to be sure of the others."""
    for _ in range(3):
        polls(one, hands)


def ids(sites: list[Site]) -> set[int]:
    return {site.pk for site in sites}


def test_a_single_collector_takes_all_sites_at_once(sites: list[Site], hands: HandClock) -> None:
    barn = leases_of("barn", hands)
    assert {target.site_id for target in barn.fleet().values() if barn.may_poll(target)} == ids(sites)
    late = SiteFactory()
    MinerFactory(site=late, host="127.0.0.1")
    assert polls(barn, hands) == ids([*sites, late])


def test_between_renewals_only_the_fleet_is_read(
    sites: list[Site], hands: HandClock, django_assert_num_queries: Callable[[int], object]
) -> None:
    barn = leases_of("barn", hands)
    barn.fleet()
    hands.forward(1)
    with django_assert_num_queries(1):
        barn.fleet()


def test_a_second_collector_gets_half_and_only_when_the_first_has_let_it_go(
    sites: list[Site], hands: HandClock
) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    settle(barn, hands)
    attic.fleet()
    assert polls(barn, hands) == ids(sites)  # the half that it no longer renews lasts to its end
    hands.forward(SAFE_S)
    kept = polls(barn, hands)
    assert len(kept) == 2
    SiteLease.objects.exclude(site__in=kept).update(until=Now() - timedelta(hours=1))
    settle(attic, hands)
    assert polls(attic, hands) == ids(sites) - kept
    assert polls(barn, hands) == kept


def test_what_a_dead_one_held_moves_when_its_lease_is_over(sites: list[Site], hands: HandClock) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    settle(barn, hands)
    settle(attic, hands)
    assert polls(attic, hands) == set()
    lapse("barn")
    assert polls(attic, hands) == ids(sites)


def test_whoever_has_just_come_lets_a_holder_come_back_first(sites: list[Site], hands: HandClock) -> None:
    """After an outage of the database every lease is over, and whose turn it is must not be a race."""
    settle(leases_of("barn", hands), hands)
    lapse("barn")
    attic = leases_of("attic", hands)
    assert polls(attic, hands) == set()
    settle(attic, hands)
    assert polls(attic, hands) == ids(sites)


def test_whoever_lost_touch_is_new_again(sites: list[Site], hands: HandClock) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    settle(barn, hands)
    settle(attic, hands)
    hands.forward(3600)
    lapse("barn")
    assert polls(attic, hands) == set()


def test_a_clean_stop_gives_all_back(sites: list[Site], hands: HandClock) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    settle(barn, hands)
    target = next(iter(barn.fleet().values()))
    barn.release()
    assert not barn.may_poll(target)
    assert list(CollectorPresence.objects.all()) == []
    assert polls(attic, hands) == set()  # a poll may still be in the air
    assert set(SiteLease.objects.values_list("holder", flat=True)) == {""}
    SiteLease.objects.update(until=Now() - timedelta(hours=1))
    assert polls(attic, hands) == ids(sites)


def test_the_next_of_the_same_name_goes_on_at_once(sites: list[Site], hands: HandClock) -> None:
    leases_of("barn", hands).fleet()
    assert polls(leases_of("barn", hands), hands) == ids(sites)


def test_nobody_takes_a_lease_that_lasts(sites: list[Site], hands: HandClock) -> None:
    leases_of("barn", hands).fleet()
    assert take(ids(sites), "attic", LEASE_S, from_lapsed=True) == []
    assert set(SiteLease.objects.values_list("holder", flat=True)) == {"barn"}


def test_one_that_cannot_renew_stops_before_its_lease_is_over(sites: list[Site], hands: HandClock) -> None:
    """A poll that begins last must end before another collector may begin."""
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    barn.fleet()
    attic.fleet()
    for _ in range(4):
        polls(barn, hands)  # what it does not renew any more is over
    target = next(iter(barn.fleet().values()))
    hands.forward(SAFE_S - 0.1)
    assert barn.may_poll(target)
    hands.forward(0.1)
    assert not barn.may_poll(target)


def test_a_machine_that_slept_does_not_trust_its_lease(sites: list[Site], hands: HandClock) -> None:
    """The monotonic clock stands still meanwhile; that of the day does not."""
    awake = Instant(5.0, NOON)
    assert Instant(5.0, NOON + timedelta(hours=1)).since(awake) == 3600
    assert Instant(65.0, NOON - timedelta(hours=1)).since(awake) == 60  # somebody has set the clock back


def test_the_only_collector_goes_on_however_long_the_database_is_away(
    sites: list[Site], hands: HandClock
) -> None:
    barn = leases_of("barn", hands)
    target = next(iter(barn.fleet().values()))
    hands.forward(24 * 3600)
    assert barn.may_poll(target)


def test_at_the_return_of_the_database_the_only_collector_still_is_the_only_one(
    sites: list[Site], hands: HandClock
) -> None:
    barn = leases_of("barn", hands)
    barn.fleet()
    hands.forward(3600)
    lapse("barn")
    target = next(iter(barn.fleet().values()))
    hands.forward(3600)
    assert barn.may_poll(target)


def test_one_that_had_company_does_not_think_itself_alone_at_once(
    sites: list[Site], hands: HandClock
) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    attic.fleet()
    settle(barn, hands)
    hands.forward(3600)
    lapse("attic", "barn")
    fleet = barn.fleet()
    hands.forward(3600)
    assert not any(barn.may_poll(target) for target in fleet.values())


def test_what_another_has_taken_meanwhile_is_left_alone(sites: list[Site], hands: HandClock) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    polls(barn, hands)
    lapse("barn")
    settle(attic, hands)
    assert polls(attic, hands) == ids(sites)
    assert polls(barn, hands) == set()


def test_a_miner_that_is_moved_in_waits_until_nobody_else_can_take_it_for_its_own(
    sites: list[Site], hands: HandClock
) -> None:
    barn, attic = leases_of("barn", hands), leases_of("attic", hands)
    attic.fleet()
    settle(barn, hands)
    SiteLease.objects.filter(site__in=sites[2:]).update(holder="barn", until=Now() + timedelta(hours=1))
    SiteLease.objects.filter(site__in=sites[:2]).update(holder="attic", until=Now() + timedelta(hours=1))
    settle(barn, hands)
    moved = Miner.objects.get(site=sites[0])
    Miner.objects.filter(pk=moved.pk).update(site=sites[3])
    polls(barn, hands)
    target = barn.fleet()[moved.pk]
    assert not barn.may_poll(target)
    for _ in range(4):
        polls(barn, hands)
    assert barn.may_poll(target)


def test_holders_are_told_for_people(sites: list[Site], hands: HandClock) -> None:
    assert set(unpolled_sites()) == {site.name for site in sites}
    leases_of("barn", hands).fleet()
    empty = SiteFactory(name="Aaa, an empty one")
    first, *others = read_holders()
    assert (first.site, first.miners, first.holder, first.until) == (empty.name, 0, "", None)
    assert {(found.miners, found.holder) for found in others} == {(1, "barn")}
    assert [one.name for one in living_collectors()] == ["barn"]
    assert unpolled_sites() == []
    lapse("barn")
    assert {found.holder for found in read_holders()} == {""}
    assert living_collectors() == []


def test_collectors_not_seen_for_a_day_are_forgotten(db: None, hands: HandClock) -> None:
    CollectorPresence.objects.create(
        name="gone", since=Now() - timedelta(days=9), until=Now() - timedelta(days=2)
    )
    leases_of("barn", hands).fleet()
    assert list(CollectorPresence.objects.values_list("name", flat=True)) == ["barn"]


@pytest.fixture
def no_database() -> Iterator[Callable[[], None]]:
    """Have every further connection refused."""
    name = connection.settings_dict["NAME"]

    def away() -> None:
        connection.close()
        connection.settings_dict["NAME"] = "no_such_database"

    yield away
    connection.settings_dict["NAME"] = name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("company", [False, True])
def test_while_the_database_is_away_only_a_collector_without_company_polls_on(
    company: bool,
    device: Callable[..., Device],
    hands: HandClock,
    no_database: Callable[[], None],
    make_collector: MakeCollector,
) -> None:
    one = device()
    add(one, site=SiteFactory(poll_interval_s=30))
    if company:
        leases_of("attic", hands).fleet()
    collector = make_collector(threads=2, timeout_s=5, leases=leases_of("barn", hands))
    SiteLease.objects.all().delete()
    tick_until(collector, lambda: one.asked.acquire(blocking=False))
    no_database()
    hands.forward(600)
    for _ in range(4):
        collector.tick()
        hands.forward(30)
    assert one.asked.acquire(timeout=0.2) is not company


HOLD = """
import sys
from pathlib import Path
from miners.collector.identity import Identity
identity = Identity(Path(sys.argv[1]))
print(identity.name, flush=True)
sys.stdin.readline()
"""


def named(data_dir: Path) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.process
def test_two_have_two_names_and_the_next_inherits_that_of_a_killed_one(data_dir: Path) -> None:
    first, first_name = named(data_dir)
    second, second_name = named(data_dir)
    try:
        assert first_name != second_name
        first.kill()
        first.wait()
        third = Identity(data_dir)
        assert third.name == first_name
        third.close()
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_another_data_directory_is_another_collector(tmp_path: Path) -> None:
    names = []
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        names.append(Identity(tmp_path / part).name)
    assert len(set(names)) == 2


@pytest.mark.parametrize(("lease_s", "timeout_s"), [(11, 5), (100, 60)])
def test_a_lease_that_a_poll_outlives_is_refused(
    monkeypatch: pytest.MonkeyPatch, lease_s: int, timeout_s: int
) -> None:
    monkeypatch.setattr(settings, "COLLECTOR_LEASE_S", lease_s)
    monkeypatch.setattr(settings, "COLLECTOR_TIMEOUT_S", timeout_s)
    with pytest.raises(CommandError, match="HMM_COLLECTOR_LEASE_S must be "):
        call_command("collect")
