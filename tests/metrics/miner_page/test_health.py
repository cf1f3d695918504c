"""The parts of a miner's health."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics.miner_page.health import (
    Day,
    Part,
    hashrate_part,
    health_words,
    rejects_part,
    state_part,
    temperature_part,
    uptime_part,
    warnings_part,
    worst_tone,
)
from metrics.query.conditions import MinerNow

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)


def miner(**changes: Any) -> MinerNow:
    usual: dict[str, Any] = {
        "id": 1,
        "name": "gamma-1",
        "model": None,
        "max_temperature_c": None,
        "site_id": 1,
        "poll_interval_s": 30,
        "is_polled": True,
        "state": "online",
        "state_reason": "",
        "state_since": NOW - timedelta(hours=3),
        "reading_at": NOW,
        "hashrate_ghs": 1200.0,
        "power_w": 18.0,
        "temperature_c": 58.0,
    }
    return MinerNow(**usual | changes)


def day(**values: dict[str, Any]) -> Day:
    return Day(MIDNIGHT, values)


def test_the_state_says_since_when_and_why() -> None:
    down = miner(
        state="unreachable", state_reason="timed out after 5 s", state_since=NOW - timedelta(minutes=8)
    )
    assert state_part(down, NOW) == Part("State", "unreachable", "for 8 min · timed out after 5 s", "bad")
    assert state_part(miner(), NOW) == Part("State", "hashing", "for 3 h", "good")


@pytest.mark.parametrize(
    ("percent", "tone"), [(100.0, "good"), (99.0, "good"), (98.9, "warn"), (95.0, "warn"), (94.9, "bad")]
)
def test_uptime_is_judged(percent: float, tone: str) -> None:
    found = uptime_part(
        day(uptime={"uptime": percent, "elapsed_s": 43200, "hashing_s": 43200 * percent / 100}),
        MIDNIGHT - timedelta(days=9),
    )
    assert found.tone == tone


def test_a_miner_added_today_is_not_blamed_for_the_morning() -> None:
    value = {"uptime": 40.0, "elapsed_s": 43200, "hashing_s": 17280}
    assert uptime_part(day(uptime=value), NOW - timedelta(hours=5)).tone == "muted"


def test_idle_time_is_said() -> None:
    value = {"uptime": 95.0, "elapsed_s": 43200, "hashing_s": 41040}
    assert uptime_part(day(uptime=value), MIDNIGHT).words == "36 min of today without hashing"


@pytest.mark.parametrize(
    ("expected", "tone"), [(1200, "good"), (1400, "warn"), (2000, "bad"), (None, "muted"), (0, "muted")]
)
def test_hashrate_is_judged_by_what_is_expected(expected: float | None, tone: str) -> None:
    assert hashrate_part(day(hashrate={"avg": 1200.0}), expected).tone == tone


def test_rejects_are_judged_and_counted() -> None:
    found = rejects_part(day(reject_rate={"reject_rate": 2.5, "accepted": 39, "rejected": 1}))
    assert found == Part("Rejects", "2.50 %", "1 of 40 shares today", "warn")


@pytest.mark.parametrize(("hottest", "tone"), [(64, "good"), (66, "warn"), (71, "bad")])
def test_heat_is_judged_by_the_models_limit(hottest: float, tone: str) -> None:
    assert temperature_part(day(temperature={"max": hottest}), 70.0).tone == tone


def test_nothing_measured_is_neither_good_nor_bad() -> None:
    empty = day()
    parts = [
        uptime_part(empty, MIDNIGHT),
        hashrate_part(empty, 1.0),
        rejects_part(empty),
        temperature_part(empty, 1.0),
    ]
    assert {part.tone for part in parts} == {"muted"}
    assert {part.figure for part in parts} == {"–"}


def test_what_is_wrong_is_named() -> None:
    parts = [warnings_part(["fan stuck"]), rejects_part(day()), state_part(miner(), NOW)]
    assert worst_tone(parts) == "warn"
    assert health_words(parts) == "look at warnings"
    assert health_words([state_part(miner(), NOW)]) == "all is well"
