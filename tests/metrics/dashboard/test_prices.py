"""The outlook in words, the bands and the bars."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.points import PricePoint
from metrics.dashboard.prices import (
    MOST_TICKS,
    band_of,
    legend,
    outlook,
    outlook_words,
    price_chart,
    price_rows,
    tick_times,
)

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2025, 1, 15, 12, 10, tzinfo=UTC)
NOON = NOW.replace(minute=0)
HALF_HOUR = timedelta(minutes=30)


def published(pence: Sequence[float | None], first: datetime = NOON) -> list[PricePoint]:
    """Half-hour prices from `first` on; None is a slot without a price."""
    return [
        PricePoint(first + n * HALF_HOUR, first + (n + 1) * HALF_HOUR, value)
        for n, value in enumerate(pence)
        if value is not None
    ]


def words(pence: Sequence[float | None]) -> str:
    return outlook_words(outlook(published(pence), NOW), NOW, LONDON, "GBP")


@pytest.mark.parametrize(
    ("pence", "said"),
    [
        ([18.4, 5, -1, -2, 3], "18.4 p now, negative from 13:00"),
        ([-3.1, -2, 4, -9], "−3.1 p now, negative until 13:00"),
        ([18.4, 5, 9.1], "18.4 p now, lowest 5.0 p at 12:30"),
        ([5, 18.4], "5.0 p now, the lowest from now on"),
        ([24, 24, 24], "24.0 p now"),
        ([None, 5, 6], "no price for now"),
        ([], "no price for now"),
    ],
)
def test_the_outlook_in_words(pence: list[float | None], said: str) -> None:
    assert words(pence) == said


def test_a_negative_stretch_ends_where_the_prices_have_a_gap() -> None:
    view = outlook(published([-1, -1, None, -1]), NOW)
    assert view.negative_until == NOW.replace(hour=13, minute=0)


def test_the_past_is_no_outlook() -> None:
    view = outlook(published([-50, -50], first=NOW - timedelta(hours=3)), NOW)
    assert view.now is view.cheapest is view.negative_from is view.published_until is None


def test_a_slot_ends_the_moment_the_next_begins() -> None:
    at_the_edge = NOW.replace(minute=30)
    assert outlook(published([10, 20]), at_the_edge).now.pence_per_kwh == 20


@pytest.mark.parametrize(
    ("pence", "name"),
    [
        (-0.01, "negative"),
        (0, "low"),
        (9.99, "low"),
        (10, "middling"),
        (20, "high"),
        (30, "very high"),
        (999, "very high"),
    ],
)
def test_bands_are_half_open(pence: float, name: str) -> None:
    assert band_of(pence).name == name


def test_the_legend_names_every_band_in_the_tariffs_currency() -> None:
    assert [said for _, said in legend("EUR")] == [
        "below 0 ct",
        "0–10 ct",
        "10–20 ct",
        "20–30 ct",
        "30 and more ct",
    ]


def test_the_bars_are_in_local_time_and_fade_what_is_past() -> None:
    summer = datetime(2025, 7, 1, 12, 10, tzinfo=UTC)
    svg = price_chart(published([10, -5], summer.replace(minute=0) - HALF_HOUR), summer, LONDON, "GBP")
    assert "12:30–13:00: 10.0 p" in svg
    assert "13:00–13:30: −5.0 p" in svg
    assert svg.count("is-past") == 1


def test_the_table_begins_with_the_current_slot_and_names_another_day() -> None:
    rows = price_rows(
        published([1, 2, 3], NOW.replace(hour=23, minute=0)), NOW.replace(hour=23, minute=40), LONDON, "GBP"
    )
    assert [(row.when, row.price, row.is_now) for row in rows] == [
        ("23:30–00:00", "2.00", True),
        ("Thu 00:00–00:30", "3.00", False),
    ]


@given(
    start=st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 1), timezones=st.just(UTC)),
    hours=st.integers(min_value=1, max_value=60),
    zone=st.sampled_from(["Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"]),
)
def test_ticks_are_few_full_local_hours_within_the_chart(start: datetime, hours: int, zone: str) -> None:
    end = start + timedelta(hours=hours)
    ticks = tick_times(start, end, ZoneInfo(zone))
    assert len(ticks) <= MOST_TICKS
    assert all(start <= tick < end and tick.astimezone(ZoneInfo(zone)).minute == 0 for tick in ticks)
    assert ticks or hours < 2
