"""What the views of analytics decide: classes, orders, steps, weeks."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.svg import Tick
from hmm.lib.svg_steps import Step, step_chart
from metrics.analytics.calendar import weeks
from metrics.analytics.distribution import MOST_BARS, classes
from metrics.analytics.ranking import is_lower_better, rows
from metrics.analytics.series import change_percent, change_words
from metrics.analytics.waterfall import Energy, steps
from metrics.query.distribution import Share

AMOUNTS = st.floats(0, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(st.floats(-200, 1e6), st.integers(1, 10**8)), min_size=1, max_size=60))
def test_classes_hold_every_covered_second_and_adjoin(cells: list[tuple[float, int]]) -> None:
    shares = [Share(value, seconds) for value, seconds in sorted(cells)]
    found = classes(shares)
    assert sum(hours for _, _, hours in found) == pytest.approx(sum(s.seconds for s in shares) / 3600)
    assert 1 <= len(found) <= MOST_BARS + 1
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert found[0][2] > 0
    assert found[-1][2] > 0


def test_a_class_is_no_finer_than_a_sketch_and_round() -> None:
    found = classes([Share(109.9, 3600), Share(111.6, 7200), Share(113.4, 3600)])
    assert found == [(108, 110, 1.0), (110, 112, 2.0), (112, 114, 1.0)]


def test_without_readings_there_is_no_class() -> None:
    assert classes([]) == []


@given(
    st.dictionaries(st.integers(1, 60), AMOUNTS), st.dictionaries(st.integers(1, 60), AMOUNTS), st.booleans()
)
def test_best_and_worst_are_different_miners_in_order(
    now: dict[int, float], before: dict[int, float], lower: bool
) -> None:
    found = rows(now, before, {pk: f"m{pk}" for pk in range(61)}, lower_is_better=lower)
    best, worst, improved = (
        [row for row in found if row[0].startswith(title)] for title in ("best", "worst", "most improved")
    )
    assert not {row[1] for row in best} & {row[1] for row in worst}
    assert [row[2] for row in best] == sorted((row[2] for row in best), reverse=not lower)
    assert [row[2] for row in worst] == sorted((row[2] for row in worst), reverse=lower)
    assert len(best) == min(10, len(now))
    assert all((row[2] < row[3]) == lower and row[2] != row[3] for row in improved)


def test_what_costs_heats_or_fails_is_better_when_lower() -> None:
    assert is_lower_better("efficiency", "j_per_th")
    assert is_lower_better("temperature", "p95")
    assert is_lower_better("energy_cost", "cost_gbp")
    assert is_lower_better("energy_cost", "kwh")
    assert not is_lower_better("hashrate", "avg")


@given(AMOUNTS, AMOUNTS, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_the_steps_of_a_cost_sum_to_it(
    kwh_before: float, kwh_now: float, cost_before: float, cost_now: float
) -> None:
    found = steps(Energy(kwh_before, cost_before), Energy(kwh_now, cost_now))
    amounts = [amount for _, amount in found]
    size = max(map(abs, amounts))
    assert sum(amounts[:3]) == pytest.approx(amounts[3], rel=1e-9, abs=1e-9 * max(size, 1e-300) + 1e-12)


def test_more_energy_counts_at_the_price_before_and_a_dearer_kwh_at_the_energy_of_now() -> None:
    found = steps(Energy(10, 2.0), Energy(20, 6.0))
    assert [amount for _, amount in found] == [2.0, 2.0, 2.0, 6.0]


@given(st.dates(date(2001, 1, 1), date(2090, 1, 1)), st.integers(0, 400))
def test_weeks_hold_every_day_of_a_range(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    found = weeks(first, last)
    assert all(monday.weekday() == 0 for monday in found)
    assert found[0] <= first < found[0] + timedelta(days=7)
    assert found[-1] <= last < found[-1] + timedelta(days=7)
    assert len(found) == (found[-1] - found[0]).days // 7 + 1


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [(2.0, 1.0, "+100.0 %"), (0.5, 1.0, "−50.0 %"), (1.0, 1.0, "0.0 %"), (1.0, 0.0, "–"), (None, 1.0, "–")],
)
def test_a_change_is_said_with_its_sign(now: float | None, before: float, words: str) -> None:
    assert change_words(change_percent(now, before)) == words


def test_a_step_begins_where_the_one_before_ended() -> None:
    chart = step_chart(
        [Step(0, 10, "bar a", "<first>"), Step(10, 4, "bar b", "less"), Step(0, 4, "bar c", "then")],
        [Tick(0.5, "middle")],
        label="what changed",
        unit="£",
    )
    assert "<title>&lt;first&gt;</title>" in chart
    tops = [part.split('"')[0] for part in chart.split(' y="')[1:] if "height" in part.split(">")[0]]
    assert len(tops) == 3
    assert tops[0] == tops[1]  # both reach up to 10
    assert "£10" in chart
    assert "style=" not in chart
