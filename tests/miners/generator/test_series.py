"""Generated rows: at their marks, within the limits of the state, correlated in time, the same for the same seed."""

from math import isfinite
from statistics import correlation, fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.generator.noise import Wander, flicker, seed_of
from miners.generator.profile import LIMITS_C, Profile, Status, limits_of
from miners.generator.series import series
from miners.generator.shares import expected_shares, poisson_at, share_difficulty
from miners.telemetry.bulk import BulkRow
from miners.telemetry.rules import BOUNDS

DAY_S = 86_400
BEGIN = 1_760_000_400
"""A full hour."""

profiles = st.builds(
    Profile,
    miner_id=st.just(1),
    name=st.text(max_size=10),
    status=st.sampled_from(Status),
    hashrate_ghs=st.floats(1e-4, BOUNDS["hashrate_ghs"][1] / 1.1),
    power_w=st.floats(1e-3, BOUNDS["power_w"][1] / 1.1),
    limit_c=st.floats(*LIMITS_C),
)


def rows_of(
    status: Status,
    *,
    seed: int = 1,
    hours: int = 240,
    cadence_s: int = 3600,
    name: str = "a",
    begin: int = BEGIN,
) -> list[BulkRow]:
    profile = Profile(1, name, status, 110_000.0, 3_000.0)
    return list(series(profile, seed, range(begin, begin + hours * 3600, cadence_s), cadence_s))


def known(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


@given(
    profile=profiles,
    seed=st.integers(),
    cadence_s=st.integers(1, 7 * DAY_S),
    begin=st.integers(1_231_000_000, 4_000_000_000),
)
def test_every_row_stands_at_its_mark_and_within_the_limits_of_its_state(
    profile: Profile, seed: int, cadence_s: int, begin: int
) -> None:
    first = begin // cadence_s * cadence_s
    marks = range(first, first + 30 * cadence_s, cadence_s)
    limits = limits_of(profile)
    made = list(series(profile, seed, marks, cadence_s))
    assert [int(row.timestamp.timestamp()) for row in made] == list(marks)
    for row in made:
        assert row.covered_s == cadence_s
        assert limits.hashrate_low_ghs <= row.hashrate_ghs <= limits.hashrate_high_ghs
        assert limits.power_low_w <= row.power_w <= limits.power_high_w
        if profile.status is Status.OFFLINE:
            assert (row.hashrate_ghs, row.power_w, row.temperature_c, row.fan_rpm) == (0, 0, None, None)
            assert (row.accepted, row.rejected) == (0, 0)
        else:
            assert limits.temperature_low_c <= row.temperature_c <= limits.temperature_high_c
            assert row.fan_rpm > 0
        for quantity, (low, high) in BOUNDS.items():
            value = getattr(row, quantity)
            assert value is None or (isfinite(value) and low <= value <= high)


@pytest.mark.parametrize("cadence_s", [30, 3600])
def test_what_a_miner_does_follows_from_what_it_did_before(cadence_s: int) -> None:
    made = rows_of(Status.ACTIVE, cadence_s=cadence_s)
    for values in ([row.hashrate_ghs for row in made], [row.power_w for row in made]):
        assert correlation(known(values)[1:], known(values)[:-1]) > 0.4


def test_an_active_miner_is_about_at_its_baseline_and_not_always_the_same() -> None:
    made = rows_of(Status.ACTIVE, hours=2_400)
    hashrates, powers = [row.hashrate_ghs for row in made], [row.power_w for row in made]
    assert fmean(known(hashrates)) == pytest.approx(110_000, rel=0.01)
    assert fmean(known(powers)) == pytest.approx(3_000, rel=0.01)
    assert max(known(hashrates)) > 1.05 * 110_000
    assert min(known(hashrates)) < 0.95 * 110_000


def test_afternoons_are_warmer_than_nights() -> None:
    made = rows_of(Status.ACTIVE)
    afternoon = fmean(known([row.temperature_c for row in made if row.timestamp.hour == 15]))
    night = fmean(known([row.temperature_c for row in made if row.timestamp.hour == 3]))
    assert afternoon - night == pytest.approx(6, abs=1.5)


def test_a_miner_in_maintenance_is_hotter_than_any_at_work() -> None:
    coolest = min(known([row.temperature_c for row in rows_of(Status.MAINTENANCE)]))
    assert coolest > max(known([row.temperature_c for row in rows_of(Status.ACTIVE)]))


def test_the_same_seed_makes_the_same_rows_wherever_the_window_begins() -> None:
    whole = rows_of(Status.ACTIVE)
    assert rows_of(Status.ACTIVE) == whole
    assert rows_of(Status.ACTIVE, begin=BEGIN + 50 * 3600, hours=190) == whole[50:]


def test_another_seed_or_miner_makes_other_rows() -> None:
    first = [row.hashrate_ghs for row in rows_of(Status.ACTIVE)]
    for other in (rows_of(Status.ACTIVE, seed=2), rows_of(Status.ACTIVE, name="b")):
        assert abs(correlation(known(first), known([row.hashrate_ghs for row in other]))) < 0.5


def test_shares_fit_the_work_that_was_done() -> None:
    made = rows_of(Status.ACTIVE, hours=2_400)
    difficulty = share_difficulty(110_000.0)
    expected = sum(expected_shares(row.hashrate_ghs or 0, 3600, difficulty) for row in made)
    accepted, rejected = sum(row.accepted or 0 for row in made), sum(row.rejected or 0 for row in made)
    assert accepted + rejected == pytest.approx(expected, rel=0.005)
    assert 0.002 < rejected / expected < 0.012


def test_expected_shares_are_hashes_over_difficulty() -> None:
    assert expected_shares(2**32 / 1e9, 60, 1) == pytest.approx(60)
    assert expected_shares(2**32 / 1e9, 60, 4) == pytest.approx(15)


@given(st.floats(1e-6, 1e8))
def test_a_pool_gives_about_one_share_in_five_seconds_and_never_less_than_difficulty_one(
    hashrate_ghs: float,
) -> None:
    difficulty = share_difficulty(hashrate_ghs)
    assert difficulty.bit_count() == 1
    shares = expected_shares(hashrate_ghs, 5, difficulty)
    assert shares <= 1.5
    assert difficulty == 1 or shares >= 0.7


@pytest.mark.parametrize("mean", [0.04, 0.5, 6.0, 49.9, 50.1, 720.0])
def test_counts_have_the_mean_and_the_variance_of_a_poisson_variable(mean: float) -> None:
    counts = [poisson_at(mean, (n + 0.5) / 20_000) for n in range(20_000)]
    assert fmean(counts) == pytest.approx(mean, rel=0.005)
    assert pvariance(counts) == pytest.approx(mean, rel=0.02)


@given(mean=st.floats(0, 1e6), chance=st.floats(1e-6, 1 - 1e-6))
def test_a_count_is_never_below_zero(mean: float, chance: float) -> None:
    assert poisson_at(mean, chance) >= 0


@given(seed=st.integers(0, 2**63), period_s=st.integers(60, DAY_S), second=st.integers(0, 4_000_000_000))
def test_noise_stays_within_its_bounds_and_moves_smoothly(seed: int, period_s: int, second: int) -> None:
    wander = Wander(seed, period_s)
    here, soon = wander.at(second), wander.at(second + 1)
    assert -1 <= here <= 1
    assert abs(soon - here) <= 3.0 / period_s + 1e-9
    assert Wander(seed, period_s).at(second + 1) == soon
    new = flicker(seed, second)
    assert all(-1 <= part <= 1 for part in new[:3])
    assert all(0 < part < 1 for part in new[3:])


def test_a_seed_of_a_key_is_the_same_in_every_process() -> None:
    assert seed_of(1, "a") == 7670687464310036356
    assert seed_of(1, "a") != seed_of(1, "b")


def test_shares_fit_the_work_at_a_short_cadence_too() -> None:
    made = rows_of(Status.ACTIVE, hours=100, cadence_s=30)
    accepted, rejected = sum(row.accepted or 0 for row in made), sum(row.rejected or 0 for row in made)
    expected = expected_shares(110_000.0, 100 * 3600, share_difficulty(110_000.0))
    assert accepted + rejected == pytest.approx(expected, rel=0.02)
    assert 0.002 < rejected / expected < 0.012
