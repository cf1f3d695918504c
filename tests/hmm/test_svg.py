"""Charts drawn on the server."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.svg import Bar, Tick, bar_chart, bar_scale, chart_axis, grid_step, sparkline

values = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


def line_of(svg: str) -> str:
    return re.search(r'class="spark-line" d="([^"]*)"', svg)[1]


def bar(start: float, end: float, value: float) -> Bar:
    return Bar(start, end, value, "bar", f"{value} p")


def rectangles(svg: str) -> list[tuple[float, float]]:
    return [(float(y), float(h)) for y, h in re.findall(r'<rect[^>]* y="([\d.]+)" height="([\d.]+)"', svg)]


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    svg = sparkline([1.0, 2.0, None, None, 3.0, 3.0], label="x")
    assert line_of(svg).count("M") == 2


def test_a_lone_value_is_a_dash_and_not_an_invisible_point() -> None:
    svg = sparkline([None, 5.0, None], label="x", width=30)
    assert re.match(r"M10\.0 ([\d.]+) 20\.0 \1$", line_of(svg))


def test_zero_is_drawn_at_the_bottom_and_not_left_out() -> None:
    ys = [
        float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", line_of(sparkline([4.0, 0.0], label="x", height=30)))
    ]
    assert ys == [2.0, 28.0]


@pytest.mark.parametrize("series", [[], [None, None], [0.0, 0.0]])
def test_nothing_to_draw_is_drawn_without_a_fault(series: list[float | None]) -> None:
    assert sparkline(series, label="nothing measured").startswith("<svg")


def test_what_the_label_says_is_escaped() -> None:
    assert "&lt;b&gt;" in sparkline([1.0], label="<b>")


def test_a_negative_bar_hangs_below_the_zero_line() -> None:
    svg = bar_chart([bar(0, 0.5, 20), bar(0.5, 1, -5)], [], label="x", unit="p", now_at=None)
    (up_y, up_height), (down_y, down_height) = rectangles(svg)
    assert up_y + up_height == pytest.approx(down_y, abs=0.2)
    assert up_height / down_height == pytest.approx(4, abs=0.1)


def test_a_price_of_zero_is_still_visible() -> None:
    svg = bar_chart([bar(0, 0.5, 0), bar(0.5, 1, 10)], [], label="x", unit="p", now_at=None)
    assert rectangles(svg)[0][1] > 0


def test_no_chart_has_inline_style() -> None:
    svg = bar_chart([bar(0, 1, 3)], [Tick(0.5, "12:00")], label="x", unit="p", now_at=0.2)
    assert "style" not in svg + sparkline([1.0, 2.0], label="x")
    assert "12:00" in svg
    assert "now-line" in svg


def test_a_chart_that_does_not_hold_the_present_has_no_now_line() -> None:
    assert "now-line" not in bar_chart([bar(0, 1, 3)], [], label="x", unit="p", now_at=None)


@given(st.lists(values, min_size=1, max_size=60))
def test_the_scale_holds_zero_and_every_value(drawn: list[float]) -> None:
    scale = bar_scale(drawn, 190)
    assert all(scale.top_px - 1e-6 <= scale.y(value) <= scale.bottom_px + 1e-6 for value in [0.0, *drawn])


@given(st.floats(min_value=1e-3, max_value=1e6))
def test_the_grid_has_at_most_five_steps_and_at_least_two(span: float) -> None:
    assert 2 - 1e-9 <= span / grid_step(span) <= 5


def test_an_axis_is_as_wide_as_its_labels_need():
    usual, long = chart_axis([(10, "50 p")], 190), chart_axis([(10, "50 p"), (90, "1,500 kWh")], 190)
    assert 'width="44"' in usual
    assert 'width="75"' in long
    assert 'x="69"' in long


def test_words_below_a_chart_stand_below_their_mark_but_for_the_last() -> None:
    ticks = [Tick(at, f"{at}") for at in (0.0, 0.02, 0.5, 0.99)]
    drawn = bar_chart([Bar(0, 1, 1, "", "")], ticks, label="", unit="p", now_at=None)
    assert re.findall(r'class="tick-text ([\w-]+)"', drawn) == ["at-middle"] * 3 + ["at-end"]


def test_large_steps_of_the_grid_are_read_in_thousands() -> None:
    drawn = bar_chart([bar(0, 1, 1400)], [], label="", unit="kWh", now_at=None)
    assert "1,000 kWh" in drawn
