"""Series as block characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.terminal.sparkline import ASCII, BLOCKS, GAP, sparkline

values = st.none() | st.floats(allow_nan=True) | st.floats(0, 1e9)


@pytest.mark.parametrize(
    ("series", "cells", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([7, 7, None, None, 0, 0, 7, None], 4, "█ ▁█"),
        ([2, 4, None, 4], 2, "▆█"),
        ([5, 10], 4, "▅▅██"),
        ([0, 0], 2, "▁▁"),
        ([1000, 1], 2, "█▂"),
        ([], 3, "   "),
        ([None, None], 2, "  "),
    ],
)
def test_a_cell_is_the_mean_of_its_stretch_over_zero(
    series: list[float | None], cells: int, drawn: str
) -> None:
    assert sparkline(series, cells) == drawn


def test_a_terminal_without_blocks_gets_plain_characters() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, ASCII) == "_.:-=+*#"


@given(st.lists(values, max_size=100), st.integers(1, 60))
def test_it_is_as_wide_as_asked_whatever_the_values(series: list[float | None], cells: int) -> None:
    drawn = sparkline(series, cells)
    assert len(drawn) == cells
    assert set(drawn) <= set(BLOCKS + GAP)


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=40))
def test_blank_is_what_is_not_known_and_nothing_else(series: list[float | None]) -> None:
    drawn = sparkline(series, len(series))
    assert [mark == GAP for mark in drawn] == [value is None for value in series]
