"""What is said of prices: negative, missing, still to come."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.models import Tariff
from energy.outlook import (
    Publication,
    average_pence,
    missing,
    negative_runs,
    next_publication,
    outlook_of,
    publication,
)
from energy.points import PricePoint
from energy.providers import providers
from hmm.lib.local_times import local_day

LONDON = ZoneInfo("Europe/London")
NOON = datetime(2026, 6, 1, 11, tzinfo=UTC)  # in London
HALF_HOUR = timedelta(minutes=30)
TOMORROW = local_day(date(2026, 6, 2), LONDON)


def half_hours(pence: list[float | None], start: datetime = NOON) -> list[PricePoint]:
    return [
        PricePoint(start + n * HALF_HOUR, start + (n + 1) * HALF_HOUR, value)
        for n, value in enumerate(pence)
        if value is not None
    ]


def at(hour: int, day: int = 1) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=LONDON)


@pytest.mark.parametrize(
    ("known_until", "published_until", "expected"),
    [
        (None, at(23), Publication.UNKNOWN),
        (NOON, at(23), Publication.UNKNOWN),
        (at(15), at(23), Publication.LATE),
        (at(23), at(23), Publication.COMING),
        (at(23), at(23, 2), Publication.LATE),
        (at(23, 2), at(23, 2), Publication.KNOWN),
        (at(23, 2), at(23, 9), Publication.LATE),  # of what is published only tomorrow is looked at
        (TOMORROW.end, at(23, 9), Publication.KNOWN),
        (at(23), None, Publication.COMING),
        (at(23, 2), None, Publication.KNOWN),
    ],
)
def test_how_far_prices_are_known_against_what_is_published(
    known_until: datetime | None, published_until: datetime | None, expected: Publication
) -> None:
    assert publication(known_until, published_until, TOMORROW, NOON) is expected


def test_octopus_publishes_at_four_in_the_afternoon() -> None:
    octopus = providers["octopus_agile"]
    assert next_publication(octopus, NOON) == at(16)
    assert next_publication(octopus, at(16)) == at(16, 2)


def test_a_tariff_that_nobody_fetches_has_no_time_of_publication() -> None:
    tariff = Tariff(provider="octopus_agile", active=False)
    outlook = outlook_of(tariff, at(23), TOMORROW, NOON)
    assert (outlook.publication, outlook.next_at) == (Publication.COMING, None)
    assert outlook_of(Tariff(provider="gone", active=True), None, TOMORROW, NOON).next_at is None


def test_prices_below_zero_that_adjoin_are_one_run() -> None:
    runs = negative_runs(half_hours([1, -1, -2, 0, -3, None, -4]))
    assert [[price.pence_per_kwh for price in run] for run in runs] == [[-1, -2], [-3], [-4]]


def test_what_is_missing_is_said_up_to_the_end() -> None:
    found = missing(half_hours([None, 1, None, None, 2]), NOON, NOON + 6 * HALF_HOUR)
    assert [((a - NOON) / HALF_HOUR, (b - NOON) / HALF_HOUR) for a, b in found] == [(0, 1), (2, 4), (5, 6)]


@given(st.lists(st.none() | st.just(1.0), max_size=12), st.integers(-3, 12), st.integers(1, 9))
def test_every_half_hour_is_either_priced_or_missing(
    pence: list[float | None], first: int, length: int
) -> None:
    prices = half_hours(pence)
    start, end = NOON + first * HALF_HOUR, NOON + (first + length) * HALF_HOUR
    gaps = missing(prices, start, end)
    for n in range(first, first + length):
        moment = NOON + n * HALF_HOUR
        priced = any(p.start <= moment < p.end for p in prices)
        assert priced != any(a <= moment < b for a, b in gaps)
    assert all(start <= a < b <= end for a, b in gaps)


def test_an_average_is_weighted_by_time_and_of_what_is_known() -> None:
    prices = [
        PricePoint(NOON, NOON + HALF_HOUR / 2, 40),
        PricePoint(NOON + HALF_HOUR / 2, NOON + 2 * HALF_HOUR, 20),
    ]
    assert average_pence(prices, NOON, NOON + 2 * HALF_HOUR) == 25
    assert average_pence(prices, NOON + HALF_HOUR / 2, NOON + 9 * HALF_HOUR) == 20
    assert average_pence(prices, NOON + 3 * HALF_HOUR, NOON + 9 * HALF_HOUR) is None
