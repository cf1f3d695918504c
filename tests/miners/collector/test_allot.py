"""Who should poll which site: evenly, by everybody the same, and with few moves."""

from hypothesis import given
from hypothesis import strategies as st

from miners.collector.allot import SiteClaim, allot

NAMES = ["barn", "attic", "cellar", "shed", "gone"]
living = st.sets(st.sampled_from(NAMES[:4]), min_size=1)
claims = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([*NAMES, "", None])), max_size=40).map(
    lambda drawn: [SiteClaim(site_id, *rest) for site_id, rest in enumerate(drawn, 1)]
)
equal_claims = st.lists(st.sampled_from([*NAMES, None]), max_size=60).map(
    lambda holders: [SiteClaim(site_id, 5, holder) for site_id, holder in enumerate(holders, 1)]
)


def loads(sites: list[SiteClaim], names: set[str]) -> dict[str, int]:
    found = allot(sites, names)
    return {name: sum(max(1, c.miners) for c in sites if found[c.site_id] == name) for name in names}


def as_held(sites: list[SiteClaim], holders: dict[int, str]) -> list[SiteClaim]:
    return [SiteClaim(site.site_id, site.miners, holders[site.site_id]) for site in sites]


@given(claims, living)
def test_every_site_is_given_to_one_that_lives(sites: list[SiteClaim], names: set[str]) -> None:
    found = allot(sites, names)
    assert set(found) == {site.site_id for site in sites}
    assert set(found.values()) <= names


@given(claims, living, st.randoms())
def test_everybody_comes_to_the_same_answer(sites: list[SiteClaim], names: set[str], chance) -> None:
    shuffled, order = list(sites), sorted(names)
    chance.shuffle(shuffled)
    chance.shuffle(order)
    assert allot(shuffled, order) == allot(sites, names)


@given(claims, living)
def test_no_move_would_bring_most_and_least_closer(sites: list[SiteClaim], names: set[str]) -> None:
    found, shares = allot(sites, names), loads(sites, names)
    gap = max(shares.values()) - min(shares.values())
    fullest = [name for name in names if shares[name] == max(shares.values())]
    assert any(all(max(1, s.miners) >= gap for s in sites if found[s.site_id] == name) for name in fullest)


@given(equal_claims, living)
def test_equal_sites_are_spread_evenly(sites: list[SiteClaim], names: set[str]) -> None:
    shares = loads(sites, names)
    assert max(shares.values()) - min(shares.values()) <= 5


@given(claims, living)
def test_once_spread_nothing_moves_again(sites: list[SiteClaim], names: set[str]) -> None:
    found = allot(sites, names)
    assert allot(as_held(sites, found), names) == found


@given(equal_claims, st.sets(st.sampled_from(NAMES[:4]), min_size=2))
def test_when_one_dies_only_its_sites_move(sites: list[SiteClaim], names: set[str]) -> None:
    before = allot(sites, names)
    dead = min(names)
    after = allot(as_held(sites, before), names - {dead})
    assert all(after[site] == who for site, who in before.items() if who != dead)


def test_a_single_collector_has_all_sites() -> None:
    sites = [SiteClaim(1, 14, None), SiteClaim(2, 0, "gone"), SiteClaim(3, 3, "barn")]
    assert allot(sites, {"attic"}) == {1: "attic", 2: "attic", 3: "attic"}


def test_a_newcomer_gets_half_and_no_more_moves_than_that() -> None:
    sites = [SiteClaim(n, 10, "barn") for n in range(1, 11)]
    found = allot(sites, {"barn", "attic"})
    assert sorted(found.values()).count("attic") == 5


def test_sites_weigh_what_their_miners_do() -> None:
    sites = [SiteClaim(1, 90, None), *(SiteClaim(n, 30, None) for n in (2, 3, 4))]
    found = allot(sites, {"barn", "attic"})
    assert found[1] not in {found[2], found[3], found[4]}


def test_without_anybody_there_is_nothing_to_give() -> None:
    assert allot([SiteClaim(1, 1, None)], ()) == {}


def test_ten_thousand_sites_are_shared_in_one_go() -> None:
    sites = [SiteClaim(n, 1 + n % 7, "barn") for n in range(10_000)]
    shares = loads(sites, {"barn", "attic", "cellar"})
    assert max(shares.values()) - min(shares.values()) <= 7
