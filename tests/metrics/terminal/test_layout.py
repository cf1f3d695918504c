"""What fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.terminal.layout import (
    JOB_COLUMNS,
    MINER_COLUMNS,
    Column,
    allot,
    columns_for,
    cut,
    lines_of,
    printable,
)

counts = st.integers(0, 200)


@given(st.integers(-20, 200), counts, counts)
def test_the_lines_shared_are_those_that_are_free_and_none_is_wasted(
    free: int, miners: int, jobs: int
) -> None:
    miner_lines, job_lines = allot(free, miners, jobs)
    assert 0 <= miner_lines <= miners
    assert 0 <= job_lines <= jobs
    assert miner_lines + job_lines == min(max(0, free), miners + jobs)


def test_many_miners_leave_a_quarter_to_the_jobs() -> None:
    assert allot(12, 100, 8) == (9, 3)
    assert allot(12, 2, 8) == (2, 8)
    assert allot(12, 100, 0) == (12, 0)


@given(st.lists(st.integers()), st.none() | st.integers(0, 50))
def test_what_is_cut_off_is_counted_in_the_last_line(items: list[int], lines: int | None) -> None:
    kept, left_out = cut(items, lines)
    assert [*kept, *left_out] == items
    if lines is None:
        assert not left_out
    elif lines:
        assert len(kept) + bool(left_out) <= lines


@pytest.mark.parametrize("columns", [MINER_COLUMNS, JOB_COLUMNS])
@pytest.mark.parametrize("width", [80, 100, 110, 120, 150, 200])
def test_the_columns_of_a_width_fit_into_it(columns: tuple[Column, ...], width: int) -> None:
    shown = columns_for(columns, width)
    assert sum(column.width + 1 for column in shown) - 1 <= width


def test_wider_terminals_show_more_and_one_sparkline() -> None:
    narrow, wide = ([c.key for c in columns_for(MINER_COLUMNS, width)] for width in (80, 150))
    assert narrow == [
        "name",
        "state",
        "hashrate",
        "power_w",
        "temperature_c",
        "efficiency",
        "rejects",
        "age",
        "spark",
    ]
    assert set(wide) - set(narrow) == {"since", "long_spark", "model", "reason"}
    assert "spark" not in wide


@given(st.lists(st.from_regex(r"[a-z]{1,30}", fullmatch=True)), st.integers(1, 60))
def test_lines_break_between_words_only(words: list[str], width: int) -> None:
    lines = lines_of(words, width, " · ")
    assert [word for line in lines for word in line.split(" · ")] == words
    assert all(len(line) <= width or " · " not in line for line in lines)


@given(st.text())
def test_no_text_can_steer_the_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
