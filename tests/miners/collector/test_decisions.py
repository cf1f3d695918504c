"""The pure parts: when a miner is due, what a reading means, which state follows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.collector.figures import Previous, covered_s, device_facts, increment, telemetry_row
from miners.collector.poll import Target, wrong_device
from miners.collector.schedule import SPREAD, offset_s, turn
from miners.collector.states import State, is_change, next_state
from miners.drivers.base import Reading
from miners.models import MinerState
from miners.telemetry.rows import DeviceFacts

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.integers(1, 10_000), st.integers(5, 3600), st.floats(1.7e9, 1.9e9))
def test_a_miner_has_one_turn_in_each_interval(miner_id: int, interval_s: int, now_s: float) -> None:
    now = turn(now_s, miner_id, interval_s)
    begins_s = now * interval_s + offset_s(miner_id, interval_s)
    assert begins_s - 1e-3 <= now_s <= begins_s + interval_s + 1e-3
    assert turn(now_s + interval_s, miner_id, interval_s) == now + 1
    assert 0 <= offset_s(miner_id, interval_s) < SPREAD * interval_s


def test_miners_are_spread() -> None:
    offsets = sorted(offset_s(miner_id, 30) for miner_id in range(1, 101))
    widest = max(after - before for before, after in pairwise(offsets))
    assert widest < 0.2


@pytest.mark.parametrize(
    ("elapsed_s", "expected"),
    [(None, 30), (1, 1), (29, 29), (75, 75), (76, 30), (86400, 30), (0, 30), (-5, 30)],
)
def test_a_live_row_covers_the_time_since_the_one_before_or_one_interval(
    elapsed_s: int | None, expected: int
) -> None:
    previous = None if elapsed_s is None else NOON - timedelta(seconds=elapsed_s)
    assert covered_s(NOON, previous, 30) == expected


@pytest.mark.parametrize(
    ("counter", "previous", "expected"),
    [
        (None, 5, None),
        (5, None, None),
        (None, None, None),
        (5, 5, 0),
        (9, 5, 4),
        (3, 5, 3),
        (0, 5, 0),
        (2**40, 5, None),
    ],
)
def test_shares_are_increments_and_a_counter_that_fell_has_reset(
    counter: int | None, previous: int | None, expected: int | None
) -> None:
    assert increment(counter, previous) == expected


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.sets(st.integers(1, 19)))
def test_increments_between_two_resets_add_up_to_what_the_device_counted(
    found: list[int], resets: set[int]
) -> None:
    counter, previous, total = 0, None, 0
    for index, shares in enumerate(found):
        counter = shares if index in resets and shares < counter else counter + shares
        step = increment(counter, previous)
        total += step or 0
        previous = counter
    assert total == sum(found[1:])


def test_a_reading_without_counters_leaves_the_old_ones_for_the_next() -> None:
    first = telemetry_row(1, Reading("line", accepted=10, rejected=1), NOON, Previous(), 30)
    previous = Previous().after(first)
    silent = telemetry_row(1, Reading("line"), NOON + timedelta(seconds=30), previous, 30)
    previous = previous.after(silent)
    third = telemetry_row(
        1, Reading("line", accepted=14, rejected=1), NOON + timedelta(seconds=60), previous, 30
    )
    assert (first.accepted, silent.accepted, third.accepted, third.rejected) == (None, None, 4, 0)


def test_what_the_device_does_not_say_is_null_in_the_row() -> None:
    row = telemetry_row(1, Reading("line"), NOON, Previous(), 30)
    assert (row.power_w, row.hashrate_ghs, row.temperature_c, row.fan_rpm) == (None,) * 4


def test_what_a_device_says_is_cut_to_what_can_be_stored() -> None:
    reading = Reading("line", mode="m" * 99, pool_user="a\x00b\ud800", uptime_s=2**70, warnings=("w",) * 99)
    facts = device_facts(reading)
    assert (len(facts.mode), facts.pool_user, facts.uptime_s, len(facts.warnings)) == (64, "ab?", None, 20)
    assert device_facts(Reading("line")) == DeviceFacts()


ONLINE = State(MinerState.ONLINE)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Reading("line", hashrate_ghs=0.1), ONLINE),
        (Reading("line", hashrate_ghs=0.0), State(MinerState.OFFLINE, "answers, and does not hash")),
        (
            Reading("line", hashrate_ghs=0.0, mode="paused"),
            State(MinerState.OFFLINE, "answers, and does not hash: paused"),
        ),
        (Reading("line"), State(MinerState.ONLINE, "answers, and does not say its hashrate")),
        ("connection refused", State(MinerState.UNREACHABLE, "connection refused")),
    ],
)
def test_the_state_after_a_poll(outcome: Reading | str, expected: State) -> None:
    assert next_state(outcome, in_maintenance=False) == expected
    assert next_state(outcome, in_maintenance=True) == State(MinerState.MAINTENANCE)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (State(MinerState.NEW), ONLINE, True),
        (ONLINE, ONLINE, False),
        (ONLINE, State(MinerState.UNREACHABLE, "refused"), True),
        (State(MinerState.UNREACHABLE, "refused"), State(MinerState.UNREACHABLE, "half a JSON"), True),
        (State(MinerState.UNREACHABLE, "within 5 s"), State(MinerState.UNREACHABLE, "within 4.9 s"), False),
    ],
)
def test_only_another_state_or_kind_of_reason_is_a_change(
    before: State, after: State, expected: bool
) -> None:
    assert is_change(before, after) is expected


@pytest.mark.parametrize(
    ("known", "found", "is_wrong"),
    [("A", "A", False), ("A", "B", True), ("", "B", False), ("A", None, False)],
)
def test_another_identity_is_another_device(known: str, found: str | None, is_wrong: bool) -> None:
    target = Target(1, "bench", "127.0.0.1", 80, "line", known, 30)
    reason = wrong_device(target, Reading("line", identity=found))
    assert (reason is not None) is is_wrong
    if reason:
        assert "A" in reason
        assert "B" in reason
