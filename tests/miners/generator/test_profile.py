"""What a generated miner is like: its state, its baseline, and limits that its state's movements keep."""

from typing import Any

import pytest

from miners.generator import profile as bands
from miners.generator import series as swings
from miners.generator.profile import (
    Profile,
    Status,
    has_own_baseline,
    least_working_ghs,
    limits_of,
    profile_of,
)
from miners.models import Miner, MinerModel, MinerState
from miners.telemetry.regular import Limits


def miner(model: dict[str, Any] | None = None, **fields: Any) -> Miner:
    return Miner(pk=7, name="bench", model=MinerModel(**model) if model else None, **fields)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.ACTIVE),
        ({"state": MinerState.ONLINE}, Status.ACTIVE),
        ({"state": MinerState.UNREACHABLE}, Status.ACTIVE),
        ({"state": MinerState.OFFLINE}, Status.OFFLINE),
        ({"state": MinerState.MAINTENANCE}, Status.MAINTENANCE),
        ({"state": MinerState.OFFLINE, "maintenance": True}, Status.MAINTENANCE),
    ],
)
def test_a_miner_works_as_its_state_says(fields: dict[str, Any], status: Status) -> None:
    assert profile_of(miner(**fields)).status is status


REFERENCE = {"reference_hashrate_ghs": 1_200.0, "reference_power_w": 18.0}
OWN = {"baseline_hashrate_ghs": 1_100.0, "baseline_power_w": 16.0}


def test_its_own_baseline_comes_before_what_it_did_of_late_before_its_model_before_the_default() -> None:
    def baseline(found: Profile) -> tuple[float, float]:
        return found.hashrate_ghs, found.power_w

    assert baseline(profile_of(miner(REFERENCE, **OWN), (1_000.0, 15.0))) == (1_100.0, 16.0)
    assert baseline(profile_of(miner(REFERENCE), (1_000.0, 15.0))) == (1_000.0, 15.0)
    assert baseline(profile_of(miner(REFERENCE))) == (1_200.0, 18.0)
    assert baseline(profile_of(miner())) == (110_000.0, 3_000.0)
    assert baseline(profile_of(miner(REFERENCE), (1_000.0, None))) == (1_000.0, 18.0)


@pytest.mark.parametrize("nonsense", [0.0, -5.0, float("nan"), float("inf"), 95_000_000.0])
def test_a_baseline_that_no_row_could_show_counts_as_none(nonsense: float) -> None:
    odd = miner(REFERENCE, baseline_hashrate_ghs=nonsense, baseline_power_w=16.0)
    assert (profile_of(odd).hashrate_ghs, has_own_baseline(odd)) == (1_200.0, False)


def test_only_a_miner_with_both_has_its_own_baseline() -> None:
    assert has_own_baseline(miner(**OWN))
    assert not has_own_baseline(miner(baseline_hashrate_ghs=1_100.0))


def test_half_its_reference_is_the_least_full_work() -> None:
    assert least_working_ghs(miner(REFERENCE)) == 600.0
    assert least_working_ghs(miner()) == 0.0
    assert least_working_ghs(miner({"reference_hashrate_ghs": None})) == 0.0


@pytest.mark.parametrize(("told", "limit_c"), [(None, 80.0), (65.0, 65.0), (0.0, 40.0), (900.0, 120.0)])
def test_the_limit_of_its_temperature_is_its_models_where_that_can_be(
    told: float | None, limit_c: float
) -> None:
    assert profile_of(miner({"max_temperature_c": told})).limit_c == limit_c


def test_the_limits_are_those_of_the_state() -> None:
    def limits(status: Status) -> Limits:
        return limits_of(Profile(7, "bench", status, 1_000.0, 100.0, 80.0))

    assert limits(Status.ACTIVE) == pytest.approx((7, 900, 1_100, 92, 108, 60, 70))
    assert limits(Status.MAINTENANCE) == pytest.approx((7, 50, 200, 10, 30, 80, 88))
    assert limits(Status.OFFLINE) == (7, 0, 0, 0, 0, None, None)


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.MAINTENANCE])
@pytest.mark.parametrize("quantity", ["HASHRATE", "POWER"])
def test_no_movement_leaves_the_band_of_its_state(quantity: str, status: Status) -> None:
    swing, band = getattr(swings, quantity)[status], getattr(bands, quantity)[status]
    assert swing.at(-1, -1, -1) > band.low
    assert swing.at(1, 1, 1) < band.high
