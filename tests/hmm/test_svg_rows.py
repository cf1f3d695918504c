"""Bars on their side."""

import re

import pytest

from hmm.lib.svg_rows import NamedBar, row_chart


def bars(drawn: str) -> list[tuple[float, float]]:
    """Where each bar begins and how wide it is, in per cent."""
    return [(float(x), float(w)) for x, w in re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', drawn)]


def test_bars_begin_at_zero_and_leave_room_for_their_figures() -> None:
    drawn = row_chart([NamedBar("a", 10, "10 W", "x"), NamedBar("b", -4, "−4 W", "x")], label="Power")
    (first, width), (second, less) = bars(drawn)
    assert (first, width, less) == (pytest.approx(20), pytest.approx(50), pytest.approx(20))
    assert second == pytest.approx(0)
    assert re.findall(r'<text x="([\d.]+)%"', drawn) == [
        "70.000",
        "20.000",
    ]  # what is less stands right of zero
    assert 'aria-label="Power"' in drawn
    assert "style=" not in drawn


def test_a_long_figure_has_its_room_on_a_phone_too() -> None:
    (usual,), (long,), (longest,) = (
        bars(row_chart([NamedBar("a", 1, words, "x")], label=""))
        for words in ("1 kWh", "1,141.06 kWh", "x" * 99)
    )
    assert usual[1] > long[1] > longest[1] == pytest.approx(50)
    assert (100 - long[1]) / 100 * 210 >= len("1,141.06 kWh") * 6.4


def test_where_all_is_nothing_each_bar_can_still_be_seen() -> None:
    assert bars(row_chart([NamedBar("a", 0, "0 W", "x")], label="")) == [(0.0, 0.2)]


def test_names_are_escaped_and_cut_short() -> None:
    drawn = row_chart([NamedBar("<i>" + "n" * 20, 1, "<b>", "x")], label="")
    assert "<title>&lt;i&gt;nnnnnnnnnnnnnnnnnnnn: &lt;b&gt;</title>" in drawn
    assert "&lt;i&gt;nnnnnnnnnnnn…</text>" in drawn


def test_no_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="bars"):
        row_chart([], label="")
