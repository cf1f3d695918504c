from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.points import PriceError, PricePoint, Rate, check_point, cut

T0 = datetime(2025, 3, 30, tzinfo=UTC)
MARK = timedelta(minutes=5)
HOUR = timedelta(hours=1)


def edges(points: list[PricePoint]) -> list[float]:
    return [(p.start - T0) / HOUR for p in points]


def test_slots_of_up_to_an_hour_stay_as_they_are():
    rates = [Rate(T0 + n * HOUR, T0 + (n + 1) * HOUR, n) for n in range(3)]
    assert cut(rates, T0, T0 + 3 * HOUR, 1800) == [PricePoint(r.start, r.end, r.pence_per_kwh) for r in rates]


def test_only_slots_that_overlap_what_was_asked_for_are_kept():
    rates = [Rate(T0 + n * HOUR, T0 + (n + 1) * HOUR, n) for n in range(-3, 9)]
    assert edges(cut(rates, T0 + 90 * timedelta(minutes=1), T0 + 3 * HOUR, 1800)) == [1, 2]


def test_an_open_rate_reaches_as_far_as_was_asked_for_in_whole_slots():
    found = cut([Rate(T0 - timedelta(days=90), None, 24.5)], T0 + 7 * MARK, T0 + 2 * HOUR + MARK, 1800)
    assert edges(found) == [0.5, 1, 1.5, 2]
    assert found[-1].end == T0 + 2.5 * HOUR


def test_asking_later_carries_an_open_rate_on_without_cutting_differently():
    rates = [Rate(T0, None, 24.5)]
    today, tomorrow = cut(rates, T0, T0 + 24 * HOUR, 1800), cut(rates, T0 + 20 * HOUR, T0 + 48 * HOUR, 1800)
    assert today[40:] == tomorrow[:8]
    assert len({*today, *tomorrow}) == 96


def test_an_open_rate_ends_where_the_next_begins():
    found = cut([Rate(T0, None, 1), Rate(T0 + 2 * HOUR, None, 2)], T0, T0 + 4 * HOUR, 3600)
    assert [p.pence_per_kwh for p in found] == [1, 1, 2, 2]


def test_a_long_rate_that_begins_off_the_grid_is_cut_on_it():
    assert edges(cut([Rate(T0 + 3 * MARK, T0 + 2 * HOUR, 1)], T0, T0 + 9 * HOUR, 1800)) == [0.25, 0.5, 1, 1.5]


@pytest.mark.parametrize("later", [Rate(T0, T0 + HOUR, 2), Rate(T0 + MARK, None, 2)])
def test_rates_that_contradict_each_other_are_refused(later):
    with pytest.raises(PriceError):
        cut([Rate(T0, T0 + HOUR, 1), later], T0, T0 + HOUR, 1800)


marks = st.integers(-400, 400).map(lambda n: T0 + n * MARK)


@given(
    st.lists(st.tuples(marks, st.booleans()), unique_by=lambda drawn: drawn[0], max_size=6),
    marks,
    st.integers(1, 300),
    st.sampled_from([300, 900, 1800, 3600]),
)
def test_cutting_changes_no_price_and_leaves_no_hole(begins, start, length, slot_s):
    """Rates that follow each other, some closed and some open: every moment asked for has its rate's price."""
    end = start + length * MARK
    begins = sorted(begins)
    following = [*[begin for begin, _ in begins[1:]], None][: len(begins)]
    rates = [
        Rate(begin, None if is_open else until, float(n))
        for n, ((begin, is_open), until) in enumerate(zip(begins, following, strict=True))
    ]
    points = cut(rates, start, end, slot_s)
    for point in points:
        check_point(point)
    assert all(a.end <= b.start for a, b in pairwise(points))
    for n in range(length):
        moment = start + n * MARK
        expected = [r.pence_per_kwh for r in rates if r.start <= moment][-1:]
        assert [p.pence_per_kwh for p in points if p.start <= moment < p.end] == expected
