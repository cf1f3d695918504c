"""Stretches of local time, over changes of the clocks too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.local_times import clock_change, clock_span, is_twice, local_day

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "slots", "words"),
    [
        (date(2026, 6, 1), 48, ""),
        (date(2026, 3, 29), 46, "the clocks go forward: this day has 23 hours"),
        (date(2025, 10, 26), 50, "the clocks go back: this day has 25 hours"),
    ],
)
def test_a_day_is_as_long_as_it_is(day: date, slots: int, words: str) -> None:
    found = local_day(day, LONDON)
    assert (found.end - found.start) / HALF_HOUR == slots
    assert clock_change(found) == words


def test_the_hour_that_comes_twice_says_which_it_is() -> None:
    spans = [
        clock_span(start, start + HALF_HOUR, LONDON)
        for start in map(
            utc, ["2025-10-25T23:30", "2025-10-26T00:00", "2025-10-26T01:00", "2025-10-26T02:00"]
        )
    ]
    assert spans == ["00:30–01:00", "01:00–01:30 BST", "01:00–01:30 GMT", "02:00–02:30"]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2025-10-26T00:30", "01:30–02:00 BST"),
        ("2025-10-26T01:30", "01:30–02:00 GMT"),
        ("2026-03-29T00:30", "00:30–01:00"),
    ],
)
def test_a_span_up_to_the_change_ends_by_the_clock_it_began_by(start: str, words: str) -> None:
    assert clock_span(utc(start), utc(start) + HALF_HOUR, LONDON) == words


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_a_time_comes_twice_when_another_instant_has_the_same_local_time(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = moment.astimezone(zone).replace(tzinfo=None)
    others = [moment + sign * timedelta(minutes=minutes) for sign in (1, -1) for minutes in (30, 60)]
    assert is_twice(moment, zone) == any(o.astimezone(zone).replace(tzinfo=None) == local for o in others)
