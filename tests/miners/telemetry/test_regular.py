"""Rows at regular marks: found, told from those that are in the way, and held against their limits."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.models import Miner
from miners.telemetry.bulk import BulkRow, store_histories
from miners.telemetry.regular import (
    Found,
    Limits,
    Marks,
    count_outside,
    find_regular,
    recent_averages,
    stored_seconds,
)
from tests.factories import MinerFactory
from tests.miners.telemetry.conftest import stored

HOUR = 1_760_000_400
MARKS = Marks(HOUR, HOUR + 180, 60)
LIMITS = (900.0, 1_100.0, 90.0, 110.0, 50.0, 60.0)


def row(
    second: int,
    covered_s: int = 60,
    power_w: float | None = 100.0,
    hashrate_ghs: float | None = 1_000.0,
    temperature_c: float | None = 55.0,
    fan_rpm: int | None = 4_000,
) -> BulkRow:
    at = datetime.fromtimestamp(HOUR + second, UTC)
    return BulkRow(at, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, 3, 0)


def store(miner: Miner, *rows: BulkRow) -> None:
    store_histories([(miner.pk, rows)], source="test", now=datetime.now(UTC))


@given(st.integers(1, 10**6), st.integers(0, 10**4), st.integers(1, 500))
def test_marks_are_as_many_as_they_say(cadence_s: int, index: int, number: int) -> None:
    marks = Marks(index * cadence_s, (index + number - 1) * cadence_s, cadence_s)
    assert len(marks) == len(marks.seconds()) == number
    assert all(second % cadence_s == 0 for second in marks.seconds())


def test_rows_at_the_marks_are_found(miner: Miner) -> None:
    store(miner, row(0), row(60), row(180))
    assert find_regular([miner.pk, MinerFactory().pk], MARKS) == {miner.pk: Found(3, 0)}
    assert stored_seconds([miner.pk], MARKS) == {miner.pk: {HOUR, HOUR + 60, HOUR + 180}}


@pytest.mark.parametrize(
    "other", [row(-30, 10), row(70, 10), row(60, 59), row(179, 1), row(200, 30), row(3600, 3500)]
)
def test_a_row_in_the_way_of_the_marks_is_told_from_them(miner: Miner, other: BulkRow) -> None:
    store(miner, other)
    assert find_regular([miner.pk], MARKS) == {miner.pk: Found(0, 1)}


@pytest.mark.parametrize("other", [row(-60), row(-60, 7), row(240), row(200, 20)])
def test_a_row_before_or_after_is_in_nobodys_way(miner: Miner, other: BulkRow) -> None:
    store(miner, other)
    assert find_regular([miner.pk], MARKS) == {}


@pytest.mark.parametrize(
    ("changed", "outside"),
    [
        ({}, 0),
        ({"power_w": 110.0, "hashrate_ghs": 900.0, "temperature_c": 60.0}, 0),
        ({"power_w": 110.1}, 1),
        ({"hashrate_ghs": 899.0}, 1),
        ({"temperature_c": 49.0}, 1),
        ({"power_w": None}, 1),
        ({"temperature_c": None}, 1),
        ({"fan_rpm": None}, 1),
    ],
)
def test_a_row_that_leaves_its_limits_is_counted(
    miner: Miner, changed: dict[str, float], outside: int
) -> None:
    store(miner, row(0), row(60, **changed))
    expected = [(Limits(miner.pk, *LIMITS), MARKS.first, MARKS.last)]
    assert count_outside(expected) == ({miner.pk: outside} if outside else {})


def test_without_limits_of_temperature_there_must_be_none_and_no_fan(miner: Miner) -> None:
    store(miner, row(0), row(60, temperature_c=None), row(120, temperature_c=None, fan_rpm=None))
    limits = Limits(miner.pk, 900.0, 1_100.0, 90.0, 110.0, None, None)
    assert count_outside([(limits, MARKS.first, MARKS.last)]) == {miner.pk: 2}


def test_limits_hold_between_their_seconds_for_their_miner_only(miner: Miner) -> None:
    other = MinerFactory()
    for each in (miner, other):
        store(each, row(0, power_w=1.0), row(60), row(120), row(180, power_w=1.0))
    expected = [
        (Limits(miner.pk, *LIMITS), HOUR + 60, HOUR + 120),
        (Limits(other.pk, *LIMITS), HOUR + 60, HOUR + 180),
    ]
    assert count_outside(expected) == {other.pk: 1}
    assert count_outside([]) == {}


def test_averages_are_of_the_newest_rows_at_full_work_of_a_week(miner: Miner) -> None:
    week = 7 * 86_400
    old = [row(-week, hashrate_ghs=9_000.0), row(0, hashrate_ghs=0.0), row(60, hashrate_ghs=100.0)]
    new = [row(120, hashrate_ghs=900.0, power_w=90.0), row(180, hashrate_ghs=1_000.0, power_w=None)]
    store(miner, *old, *new, row(240, hashrate_ghs=5_000.0))
    assert recent_averages({miner.pk: 500.0, 10**9: 0.0}, HOUR + 180) == {miner.pk: (950.0, 90.0)}


def test_histories_of_several_miners_are_stored_at_once_and_again_changes_nothing(miner: Miner) -> None:
    other = MinerFactory()
    histories = [(miner.pk, [row(0), row(60)]), (other.pk, []), (other.pk, [row(60)])]
    first, again = (store_histories(histories, source="test", now=datetime.now(UTC)) for _ in range(2))
    assert (first.stored, again.stored, again.unchanged) == (3, 0, 3)
    assert [each.miner_id for each in stored()] == [miner.pk, miner.pk, other.pk]
