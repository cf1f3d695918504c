"""The cheapest hours, beside every choice there is."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, groupby

from hypothesis import given
from hypothesis import strategies as st

from energy.cheapest import CheapestPlan, Wish, cheapest
from energy.points import PricePoint

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
HALF_HOUR_S = 1800


def half_hours(pence: list[float | None], start: datetime = NOON) -> list[PricePoint]:
    """Prices of half an hour each; None is one that is not known."""
    return [
        PricePoint(start + n * HALF_HOUR, start + (n + 1) * HALF_HOUR, value)
        for n, value in enumerate(pence)
        if value is not None
    ]


def said(plan: CheapestPlan) -> list[str]:
    return [f"{s.start:%H:%M}–{s.end:%H:%M} {s.pence_per_kwh:g}" for s in plan.stretches]


def test_the_cheapest_half_hours_wherever_they_are() -> None:
    plan = cheapest(half_hours([20, 5, 30, 4, 25, 6]), Wish(3 * HALF_HOUR_S), NOON)
    assert said(plan) == ["12:30–13:00 5", "13:30–14:00 4", "14:30–15:00 6"]
    assert (plan.found_s, plan.pence_per_kwh, plan.is_whole) == (5400, 5.0, True)


def test_a_price_that_holds_for_long_may_be_used_from_any_hour_on() -> None:
    begun = PricePoint(NOON - timedelta(days=365), NOON + timedelta(days=1), 24.5)
    plan = cheapest([begun], Wish(4 * 3600, 1800), NOON + timedelta(minutes=10))
    assert said(plan) == ["13:00–17:00 24.5"]
    assert plan.is_whole


def test_a_stretch_of_an_hour_takes_a_dearer_half_hour_along() -> None:
    plan = cheapest(half_hours([20, 5, 30, 4, 25, 6, 7]), Wish(2 * HALF_HOUR_S, 3600), NOON)
    assert said(plan) == ["14:30–15:30 6.5"]


def test_no_piece_is_dearer_than_the_ceiling_even_where_that_is_too_little() -> None:
    plan = cheapest(half_hours([20, 5, 30, 4, 25, 6]), Wish(4 * HALF_HOUR_S, ceiling_pence=5), NOON)
    assert said(plan) == ["12:30–13:00 5", "13:30–14:00 4"]
    assert not plan.is_whole


def test_under_a_ceiling_no_stretch_may_be_long_enough() -> None:
    plan = cheapest(half_hours([20, 5, 30]), Wish(2 * HALF_HOUR_S, 3600, 10), NOON)
    assert (plan.stretches, plan.found_s, plan.pence_per_kwh) == ((), 0, None)


def test_a_stretch_does_not_go_over_prices_that_are_not_known() -> None:
    plan = cheapest(half_hours([1, None, 1, 9, 9]), Wish(2 * HALF_HOUR_S, 3600), NOON)
    assert said(plan) == ["13:00–14:00 5"]


def test_a_half_hour_that_has_begun_is_left_out_and_of_equal_ones_the_first_is_taken() -> None:
    plan = cheapest(half_hours([1, 5, 5, 5]), Wish(HALF_HOUR_S), NOON + timedelta(minutes=1))
    assert said(plan) == ["12:30–13:00 5"]


def test_what_is_wished_for_is_rounded_up_to_whole_slots() -> None:
    assert cheapest(half_hours([1, 2, 3]), Wish(2000, 1), NOON).found_s == 2 * HALF_HOUR_S


def test_slots_of_several_lengths_are_cut_into_equal_pieces() -> None:
    quarter = [
        PricePoint(NOON + n * HALF_HOUR / 2, NOON + (n + 1) * HALF_HOUR / 2, pence)
        for n, pence in enumerate([9, 1])
    ]
    plan = cheapest([*quarter, *half_hours([2, 8], NOON + HALF_HOUR)], Wish(2 * 900, 1800), NOON)
    assert said(plan) == ["12:15–12:45 1.5"]


def test_without_prices_there_is_no_plan() -> None:
    assert cheapest([], Wish(3600), NOON).stretches == ()


def test_two_days_of_five_minute_prices_take_steps_in_proportion() -> None:
    five = timedelta(minutes=5)
    prices = [PricePoint(NOON + n * five, NOON + (n + 1) * five, (n * 37) % 100) for n in range(576)]
    assert cheapest(prices, Wish(4 * 3600, 1800), NOON).found_s == 4 * 3600


def brute(prices: list[PricePoint], wanted: int, least: int, ceiling: float | None) -> tuple[int, int]:
    """(how many pieces, their cost in millionths), of the best of all choices."""
    found = [(0, 0)]
    allowed = [p for p in prices if ceiling is None or p.pence_per_kwh <= ceiling]
    for count in range(1, wanted + 1):
        for chosen in combinations(allowed, count):
            if all(length >= least for length in stretch_lengths(list(chosen))):
                found.append((count, -sum(round(p.pence_per_kwh * 1_000_000) for p in chosen)))
    count, cost = max(found)
    return count, -cost


def stretch_lengths(chosen: list[PricePoint]) -> list[int]:
    places = [(n, int((p.start - NOON) / HALF_HOUR)) for n, p in enumerate(chosen)]
    return [len(list(run)) for _, run in groupby(places, key=lambda pair: pair[1] - pair[0])]


PENCE = st.integers(-5, 12).map(float) | st.floats(-50, 50)


@given(
    st.lists(st.none() | PENCE, min_size=1, max_size=10),
    st.integers(1, 6),
    st.integers(1, 4),
    st.none() | PENCE,
)
def test_no_choice_that_keeps_the_rules_is_better(
    pence: list[float | None], wanted: int, least: int, ceiling: float | None
) -> None:
    prices = half_hours(pence)
    wish = Wish(wanted * HALF_HOUR_S, least * HALF_HOUR_S, ceiling)
    plan = cheapest(prices, wish, NOON)
    inside = [p for p in prices for s in plan.stretches if s.start <= p.start < s.end]
    count, cost = brute(prices, wanted, min(least, wanted), ceiling)
    assert len(inside) == plan.found_s / HALF_HOUR_S == count
    assert sum(round(p.pence_per_kwh * 1_000_000) for p in inside) == cost
    assert all(n >= min(least, wanted) for n in stretch_lengths(inside))
    assert ceiling is None or all(p.pence_per_kwh <= ceiling for p in inside)
