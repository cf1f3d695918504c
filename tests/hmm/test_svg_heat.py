"""Heat-maps drawn on the server."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.svg import Tick
from hmm.lib.svg_heat import Cell, HeatRow, heat_class, heat_map

finite = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


def test_every_field_is_drawn_and_what_is_not_known_is_a_field_of_its_own() -> None:
    drawn = heat_map(
        [HeatRow("Mon", [Cell("heat-2", "00:00: 3 kWh"), None])], [Tick(0, "00:00")], label="Energy by hour"
    )
    assert re.findall(r'<rect class="([^"]+)"', drawn) == ["cell heat-2", "cell-none"]
    assert "<title>not measured</title>" in drawn
    assert 'aria-label="Energy by hour"' in drawn
    assert "style=" not in drawn


def test_words_of_a_field_are_escaped() -> None:
    drawn = heat_map([HeatRow("<b>", [Cell("heat-0", "<i>")])], [], label="x")
    assert "&lt;b&gt;" in drawn
    assert "&lt;i&gt;" in drawn


def test_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        heat_map([], [], label="x")


@pytest.mark.parametrize(
    ("value", "shade"), [(0, "heat-0"), (49, "heat-2"), (50, "heat-3"), (100, "heat-5"), (-1, "heat-0")]
)
def test_shades_run_from_low_to_high(value: float, shade: str) -> None:
    assert heat_class(value, 0, 100) == shade


@given(st.tuples(finite, finite, finite, finite))
def test_a_higher_value_is_never_lighter(given: tuple[float, float, float, float]) -> None:
    low, high = sorted(given[:2])
    lesser, greater = sorted(given[2:])
    assert heat_class(lesser, low, high) <= heat_class(greater, low, high)
