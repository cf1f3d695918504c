"""A device's past."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.simulator.device import Device
from miners.simulator.fleet import fleet
from miners.simulator.history import rows
from tests.miners.simulator.harness import device_named

END = datetime(2026, 3, 29, 12, 0, 7, tzinfo=UTC)
MONTH = timedelta(days=30)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(fleet()),
    st.integers(0, 10_000),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 4 * 86_400),
    st.sampled_from([1, 7, 30, 60, 300, 900, 3600, 86_400]),
)
def test_rows_are_in_order_and_never_overlap(
    spec, seed: int, start: datetime, length_s: int, cadence_s: int
) -> None:
    start = start.replace(tzinfo=UTC)
    end = start + timedelta(seconds=min(length_s, cadence_s * 3000))
    made = list(rows(spec, seed, start, end, cadence_s))
    floor = start.replace(microsecond=0)
    assert all(floor <= row[0] - timedelta(seconds=row[1]) and row[0] <= end for row in made)
    for before, after in itertools.pairwise(made):
        gap_s = (after[0] - before[0]).total_seconds()
        assert gap_s % cadence_s == 0
        assert after[1] == (gap_s if gap_s <= 2.5 * cadence_s else cadence_s)
    assert len(made) <= (end - floor) / timedelta(seconds=cadence_s)


@pytest.mark.parametrize("spec", fleet(), ids=lambda spec: spec.name)
def test_values_are_those_of_the_live_device(spec) -> None:
    made = list(rows(spec, 1, END - MONTH, END, 300))
    live = Device(spec, 1, END.timestamp()).machine.sample(END.timestamp())
    _, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, _, _ = made[-1]
    assert covered_s == 300
    assert power_w == pytest.approx(live.power_w, rel=0.03)
    assert hashrate_ghs == pytest.approx(live.hashrate_ghs, rel=0.08)
    assert temperature_c == pytest.approx(live.temperature_c, abs=2.5)
    assert fan_rpm == pytest.approx(live.fan_rpm, rel=0.05)
    assert END - made[-1][0] < timedelta(seconds=300)


@pytest.mark.parametrize("spec", fleet(), ids=lambda spec: spec.name)
def test_a_month_is_believable(spec) -> None:
    made = list(rows(spec, 1, END - MONTH, END, 300))
    covered_s = sum(row[1] for row in made)
    assert 0.93 < covered_s / MONTH.total_seconds() < 1.0
    joules, hashes_gh = sum(r[1] * r[2] for r in made), sum(r[1] * r[3] for r in made)
    assert 13 < joules / hashes_gh * 1000 < 25
    accepted, rejected = sum(r[6] for r in made), sum(r[7] for r in made)
    assert 0.002 < rejected / (accepted + rejected) < 0.012
    assert accepted + rejected == pytest.approx(hashes_gh / spec.hardware.share_interval_gh(), rel=0.02)
    assert all(row[4] > 20 and min(row[2], row[3]) > 0 for row in made)


def test_temperature_follows_the_day() -> None:
    made = list(rows(device_named("gamma-1"), 1, END - MONTH, END, 900))
    mean = {hour: _mean([row[4] for row in made if row[0].hour == hour]) for hour in (3, 15)}
    assert mean[15] > mean[3] + 1


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_there_are_gaps_and_the_dark_device_has_most() -> None:
    gaps = {spec.name: _gaps(list(rows(spec, 1, END - MONTH, END, 300))) for spec in fleet()}
    assert max(gaps, key=lambda name: gaps[name]) == "gamma-2"
    assert sum(1 for count in gaps.values() if count) >= 10
    assert gaps["gamma-2"] > 10


def _gaps(made: list) -> int:
    return sum(after[0] - before[0] > timedelta(seconds=300) for before, after in itertools.pairwise(made))


@pytest.mark.parametrize("seed", range(20))
def test_the_last_hour_is_never_dark(seed: int) -> None:
    made = list(rows(device_named("gamma-2"), seed, END - MONTH, END, 60))
    assert sum(row[0] > END - timedelta(hours=1) for row in made) >= 59


def test_some_gaps_end_with_a_cold_start() -> None:
    made = list(rows(device_named("avalonq-1"), 5, END - 3 * MONTH, END, 60))
    full = _mean([row[3] for row in made])
    starts = [
        after for before, after in itertools.pairwise(made) if after[0] - before[0] > timedelta(minutes=4)
    ]
    cold = [row for row in starts if row[3] < 0.9 * full]
    assert 0 < len(cold) < len(starts)
    assert all(row[4] < 60 for row in cold)


def test_the_seed_alone_decides() -> None:
    def made(seed: int) -> list:
        return list(rows(device_named("supra-1"), seed, END - timedelta(days=2), END, 60))

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_devices_differ() -> None:
    one, other = (
        list(rows(device_named(n), 1, END - timedelta(hours=3), END, 60)) for n in ("nano3s-1", "gamma-1")
    )
    assert [row[0] for row in one] == [row[0] for row in other]
    assert all(a[2] > 5 * b[2] for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("cadence_s", [0, -30])
def test_a_cadence_that_is_none(cadence_s: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rows(device_named("gamma-1"), 1, END - MONTH, END, cadence_s)


def test_an_empty_time_has_no_rows() -> None:
    assert list(rows(device_named("gamma-1"), 1, END, END, 30)) == []
    assert list(rows(device_named("gamma-1"), 1, END, END - MONTH, 30)) == []
