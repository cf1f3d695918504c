import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.units import counted, format_hashrate, j_per_th, parse_si, unit_for

SCALES = {"MH/s": 1e-3, "GH/s": 1.0, "TH/s": 1e3, "PH/s": 1e6, "EH/s": 1e9}
hashrates = st.floats(min_value=1e-3, max_value=1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("hashrate_ghs", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0, "0 GH/s"),
        (0.000078, "0.0780 MH/s"),
        (0.4321, "432 MH/s"),
        (1.0, "1.00 GH/s"),
        (525.4, "525 GH/s"),
        (999.4, "999 GH/s"),
        (999.999, "1.00 TH/s"),
        (1052.3, "1.05 TH/s"),
        (9.996, "10.0 GH/s"),
        (99.96, "100 GH/s"),
        (90_500.0, "90.5 TH/s"),
        (999_600.0, "1.00 PH/s"),
        (7.5e9, "7.50 EH/s"),
        (5e12, "5000 EH/s"),
        (-1052.3, "-1.05 TH/s"),
    ],
)
def test_a_hashrate_has_three_digits_and_the_unit_that_fits(hashrate_ghs, shown):
    assert format_hashrate(hashrate_ghs) == shown


@given(hashrates)
def test_what_is_shown_is_within_half_a_digit_of_the_hashrate(hashrate_ghs):
    number, unit = format_hashrate(hashrate_ghs).split()
    assert float(number) * SCALES[unit] == pytest.approx(hashrate_ghs, rel=0.005)


@given(hashrates.filter(lambda ghs: ghs < 9e11))
def test_never_a_thousand_of_a_unit_that_has_a_greater_one(hashrate_ghs):
    assert float(format_hashrate(hashrate_ghs).split()[0]) < 1000


@pytest.mark.parametrize(
    ("power_w", "hashrate_ghs", "expected"),
    [(15.0, 1000.0, 15.0), (1600, 90_000, 17.7777777), (0, 500, 0), (None, 500, None), (15, None, None)],
)
def test_efficiency_is_watts_per_terahash(power_w, hashrate_ghs, expected):
    assert j_per_th(power_w, hashrate_ghs) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("hashrate_ghs", [0, -1.0, 5e-324])
def test_there_is_no_efficiency_without_hashes(hashrate_ghs):
    assert j_per_th(1000.0, hashrate_ghs) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4.29G", 4.29e9),
        ("483k", 483_000),
        ("270M", 270e6),
        ("1e+03T", 1e15),
        ("0", 0),
        (" 1.5 P ", 1.5e15),
        (".5E", 5e17),
        (238214491, 238214491),
        (12.5, 12.5),
    ],
)
def test_si_letters_are_read(text, number):
    assert parse_si(text) == number


@pytest.mark.parametrize("text", ["", "G", "4,29G", "4.29GH", "nan", "inf", "1e999", "0x10", True, None])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match=r"not a number|too large"):
        parse_si(text)


@given(st.integers(0, 10**6), st.sampled_from(["", "k", "M", "G", "T", "P", "E"]))
def test_a_letter_multiplies_exactly(number, letter):
    power = "kMGTPE".find(letter) + 1 if letter else 0
    assert parse_si(f"{number}{letter}") == float(number * 1000**power)


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_refused(text):
    with contextlib.suppress(ValueError):
        assert math.isfinite(parse_si(text))


@pytest.mark.parametrize(
    ("count", "noun", "nouns", "said"),
    [
        (0, "miner", "", "0 miners"),
        (1, "miner", "", "1 miner"),
        (1_200, "miner", "", "1,200 miners"),
        (1, "address", "addresses", "1 address"),
        (2, "address", "addresses", "2 addresses"),
    ],
)
def test_so_many_of_something(count: int, noun: str, nouns: str, said: str) -> None:
    assert counted(count, noun, nouns) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1.0, "questions", "question"),
        (2.0, "questions", "questions"),
        (1.0, "polls/s", "poll/s"),
        (1.0, "ms", "ms"),
        (1.0, "s", "s"),
        (1.0, "%", "%"),
    ],
)
def test_a_unit_follows_its_number(value: float, unit: str, said: str) -> None:
    assert unit_for(value, unit) == said
