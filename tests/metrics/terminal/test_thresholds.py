"""Green, yellow, red, and the words that say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.terminal.thresholds import (
    Level,
    duration_verdict,
    job_verdict,
    miner_level,
    queue_verdict,
    success_verdict,
    worst,
)

RED_OR_YELLOW = (Level.BAD, Level.WARN)


@pytest.mark.parametrize(
    ("rate", "level", "word"),
    [
        (1.0, "good", "fine"),
        (0.99, "warn", "some failed"),
        (0.9, "warn", "some failed"),
        (0.899, "bad", "failing"),
        (0, "bad", "failing"),
        (None, "muted", "no runs"),
    ],
)
def test_success(rate: float | None, level: str, word: str) -> None:
    assert success_verdict(rate) == (level, word)


@pytest.mark.parametrize(
    ("p99_s", "level", "word"),
    [
        (0.0, "good", "fine"),
        (2.5, "good", "fine"),
        (2.6, "warn", "slowish"),
        (5.0, "warn", "slowish"),
        (5.01, "bad", "slow"),
        (None, "muted", "no runs"),
    ],
)
def test_duration(p99_s: float | None, level: str, word: str) -> None:
    assert duration_verdict(p99_s) == (level, word)


@pytest.mark.parametrize(
    ("waiting", "level", "word"),
    [
        (0, "good", "fine"),
        (25, "good", "fine"),
        (26, "warn", "filling"),
        (50, "warn", "filling"),
        (51, "bad", "backlog"),
        (None, "bad", "Redis does not answer"),
    ],
)
def test_backlog(waiting: int | None, level: str, word: str) -> None:
    assert queue_verdict(waiting) == (level, word)


@pytest.mark.parametrize(
    ("rate", "p99_s", "level", "word"),
    [
        (1.0, 0.1, "good", "fine"),
        (0.5, 9.0, "bad", "failing, slow"),
        (0.95, 9.0, "bad", "some failed, slow"),
        (1.0, 3.0, "warn", "slowish"),
        (None, None, "muted", "no runs"),
    ],
)
def test_a_job_is_as_bad_as_the_worse_of_its_verdicts_and_says_both(
    rate: float | None, p99_s: float | None, level: str, word: str
) -> None:
    assert job_verdict(rate, p99_s) == (level, word)


@pytest.mark.parametrize(
    ("tone", "is_hot", "level"),
    [
        ("good", False, "good"),
        ("bad", False, "bad"),
        ("warn", False, "warn"),
        ("muted", False, "muted"),
        ("good", True, "bad"),
        ("muted", True, "bad"),
    ],
)
def test_an_unreachable_or_hot_miner_is_red(tone: str, is_hot: bool, level: str) -> None:
    assert miner_level(tone, is_hot) == level


@given(st.lists(st.sampled_from(Level)))
def test_one_red_thing_makes_it_all_red(levels: list[Level]) -> None:
    assert (worst(levels) is Level.BAD) == (Level.BAD in levels)
    assert (worst(levels) in RED_OR_YELLOW) == any(level in RED_OR_YELLOW for level in levels)


def test_nothing_is_good() -> None:
    assert worst([]) is Level.GOOD
