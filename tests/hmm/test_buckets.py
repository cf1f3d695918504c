from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.buckets import MADE_OF, PERIODS, bucket_at, buckets, slot_length_s

ZONES = [
    ZoneInfo(name)
    for name in ("Europe/London", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
]
moments = st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hours", "slots"), [("2025-03-30", 23, 46), ("2025-10-26", 25, 50), ("2025-06-01", 24, 48)]
)
def test_a_clock_change_day_has_its_real_hours_and_slots(day, hours, slots):
    zone = ZoneInfo("Europe/London")
    (bucket,) = buckets("daily", at(f"{day}T12:00Z"), at(f"{day}T12:01Z"), zone, 1800)
    assert bucket.length_s == hours * 3600
    assert len(buckets("hourly", bucket.start, bucket.end, zone, 1800)) == hours
    assert len(buckets("slot", bucket.start, bucket.end, zone, 1800)) == slots


def test_an_hour_ends_where_a_half_hour_change_cuts_it():
    zone = ZoneInfo("Australia/Lord_Howe")  # 2025-04-06 02:00+11:00 becomes 01:30+10:30
    hours = buckets("hourly", at("2025-04-05T14:00Z"), at("2025-04-05T17:00Z"), zone, 1800)
    assert [h.length_s for h in hours] == [3600, 1800, 3600, 3600]
    assert hours[1].start == at("2025-04-05T15:00Z")


def test_an_iso_week_begins_on_monday_and_a_month_on_its_first():
    zone = ZoneInfo("Europe/London")
    assert bucket_at("weekly", at("2025-07-06T22:59Z"), zone, 1800).start == at("2025-06-29T23:00Z")
    assert bucket_at("weekly", at("2025-07-06T23:00Z"), zone, 1800).start == at("2025-07-06T23:00Z")
    assert bucket_at("monthly", at("2025-12-31T23:59Z"), zone, 1800).end == at("2026-01-01T00:00Z")


@pytest.mark.parametrize(
    ("zone", "tariffs", "expected"),
    [
        ("Europe/London", [1800], 1800),
        ("Europe/London", [1800, 900], 900),
        ("Europe/London", [300], 300),
        ("Asia/Kathmandu", [1800], 900),
        ("America/St_Johns", [1800], 1800),
        ("Australia/Lord_Howe", [3600], 1800),
        ("Europe/Berlin", [], 1800),
    ],
)
def test_a_slot_spans_neither_two_prices_nor_two_local_days(zone, tariffs, expected):
    assert slot_length_s(ZoneInfo(zone), tariffs, at("2025-05-01T00:00Z")) == expected


@given(st.sampled_from(ZONES), st.sampled_from(PERIODS), moments, st.integers(1, 40 * 24 * 60))
def test_buckets_cover_the_range_without_gap_or_overlap(zone, period, start, minutes):
    end = start + timedelta(minutes=minutes)
    found = buckets(period, start, end, zone, 900)
    assert found[0].start <= start < found[0].end
    assert found[-1].start < end <= found[-1].end
    assert all(a.end == b.start for a, b in pairwise(found))


@given(st.sampled_from(ZONES), st.sampled_from(list(MADE_OF)), moments)
def test_a_longer_period_is_made_of_whole_shorter_ones(zone, period, moment):
    slot_s = slot_length_s(zone, [1800], moment)
    whole = bucket_at(period, moment, zone, slot_s)
    parts = buckets(MADE_OF[period], whole.start, whole.end, zone, slot_s)
    assert parts[0].start == whole.start
    assert parts[-1].end == whole.end
    assert sum(p.length_s for p in parts) == whole.length_s


@given(st.sampled_from(ZONES), st.sampled_from(PERIODS), moments)
def test_a_bucket_holds_its_moment_and_is_found_from_its_start(zone, period, moment):
    bucket = bucket_at(period, moment, zone, 900)
    assert bucket.start <= moment < bucket.end
    assert bucket_at(period, bucket.start, zone, 900) == bucket
