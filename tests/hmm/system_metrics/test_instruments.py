"""Counters and distributions: right figures, between threads too, in bounded memory."""

import threading
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.system_metrics.base import Statistic, instruments, instruments_of
from hmm.system_metrics.instruments import KEPT_VALUES, Counter, Distribution, counter, percentile


def a_counter() -> Counter:
    return Counter(Statistic("things_per_s", "things/s", "web", "Things"))


def a_distribution() -> Distribution:
    return Distribution(tuple(Statistic(f"x_ms_p{p}", "ms", "web", "X") for p in (50, 95, 99)))


def test_a_counter_gives_events_a_second_of_its_window_and_begins_anew():
    things = a_counter()
    things.add()
    things.add(5)
    assert [sample.value for sample in things.drain(30.0)] == [0.2]
    assert [sample.value for sample in things.drain(30.0)] == [0.0]


def test_threads_lose_no_event():
    things = a_counter()
    threads = [threading.Thread(target=lambda: [things.add() for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert things.drain(1.0)[0].value == 16_000


def test_a_distribution_gives_three_percentiles_and_nothing_of_an_empty_window():
    times = a_distribution()
    for value in range(1, 101):
        times.observe(float(value))
    assert [(s.statistic.name, s.value) for s in times.drain(30.0)] == [
        ("x_ms_p50", 50.0),
        ("x_ms_p95", 95.0),
        ("x_ms_p99", 99.0),
    ]
    assert times.drain(30.0) == []


def test_a_distribution_of_very_many_values_is_bounded_and_fair():
    times = a_distribution()
    for value in range(10 * KEPT_VALUES):
        times.observe(float(value))
    assert len(times._values) == KEPT_VALUES
    median = times.drain(30.0)[0].value
    assert 4.5 * KEPT_VALUES < median < 5.5 * KEPT_VALUES


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 99))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: int):
    found = percentile(sorted(values), percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values)
    assert sum(value < found for value in values) < percent / 100 * len(values)


def test_a_percentile_of_many_is_near_the_usual_one():
    values = [float(n * n % 9973) for n in range(9973)]
    assert percentile(sorted(values), 95) == pytest.approx(quantiles(values, n=100)[94], rel=0.01)


def test_two_instruments_of_one_name_end_the_program():
    assert "http_requests_per_s" in instruments
    with pytest.raises(ValueError, match="http_requests_per_s"):
        counter("http_requests_per_s", "web", "requests/s", "Requests")


def test_each_service_has_its_instruments():
    names = {
        name: {s.name for i in instruments_of(name) for s in i.statistics} for name in ("web", "collector")
    }
    assert "http_request_duration_ms_p95" in names["web"]
    assert {"polls_ok_per_s", "poll_duration_ms_p99", "readings_per_s"} <= names["collector"]
    assert not names["web"] & names["collector"]
