"""Dates and times as people write them."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.times import EARLIEST, LATEST, NaiveTimeError, local_midnight, parse_when, whole_seconds

LONDON = ZoneInfo("Europe/London")
ZONES = [LONDON, *map(ZoneInfo, ("America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"))]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025-03-29", "2025-03-29T00:00", "2025-03-30T00:00"),
        ("2025-03-30", "2025-03-30T00:00", "2025-03-30T23:00"),
        ("2025-03-30T12:00Z", "2025-03-30T12:00", "2025-03-30T12:00"),
        ("2025-03-30T12:00+01:00", "2025-03-30T11:00", "2025-03-30T11:00"),
    ],
)
def test_a_bare_date_is_a_local_day_and_a_time_that_instant(text: str, start: str, end: str) -> None:
    assert parse_when(text, LONDON) == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert parse_when(text, LONDON, is_end=True) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "0001-01-01T00:00+02:00", "9999-12-31", "1999-12-31", "2100-01-02"]
)
@pytest.mark.parametrize("is_end", [False, True])
def test_what_is_not_of_this_century_is_refused(text: str, is_end: bool) -> None:
    with pytest.raises(ValueError, match=f"'{text[:4]}.*' is not between 2000 and 2100"):
        parse_when(text, ZoneInfo("Asia/Kathmandu"), is_end=is_end)


@pytest.mark.parametrize(
    "text", ["", "now", "2025-02-30", "2025-3-1", "12:00Z", "2025-03-30T25:00Z", "20250330", "2025W131"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is neither a date"):
        parse_when(text, LONDON)


def test_a_time_without_an_offset_could_mean_two_instants() -> None:
    with pytest.raises(NaiveTimeError, match=r"has no UTC offset; write 2025-03-30T12:00Z"):
        parse_when("2025-03-30T12:00", LONDON)


@pytest.mark.parametrize("offset", ["+23:59:59.5", "+01:00:01", "-14:01", "+15:00"])
def test_an_offset_that_there_is_not_is_refused(offset: str) -> None:
    with pytest.raises(ValueError, match=f"2025-03-30T12:00{re.escape(offset)}' has a UTC offset that"):
        parse_when(f"2025-03-30T12:00{offset}", LONDON)


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+14:00", "-14:00", "+0545", "-03", "+05:30:00"])
def test_an_offset_is_in_hours_and_minutes(offset: str) -> None:
    text = f"2025-03-30T12:00{offset}"
    assert parse_when(text, LONDON) == datetime.fromisoformat(text)


days = st.dates(date(2000, 1, 2), date(2099, 12, 30))


@given(days, st.sampled_from(ZONES))
def test_days_follow_each_other_without_a_gap(day: date, zone: ZoneInfo) -> None:
    start, end = parse_when(day.isoformat(), zone), parse_when(day.isoformat(), zone, is_end=True)
    assert (
        end
        == parse_when((day + timedelta(days=1)).isoformat(), zone)
        == local_midnight(day + timedelta(days=1), zone)
    )
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(seconds=1)).astimezone(zone).date() < day
    assert timedelta(hours=22) < end - start < timedelta(hours=26)


@given(
    st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_every_instant_is_written_and_read_back(moment: datetime, zone: ZoneInfo) -> None:
    assert parse_when(moment.astimezone(zone).isoformat(), LONDON) == moment


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from(ZONES)))
def test_whole_seconds_are_those_of_the_timestamp(moment: datetime) -> None:
    assert whole_seconds(moment) == int(moment.astimezone(UTC).timestamp())
