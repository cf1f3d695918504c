import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Misread, Reading
from miners.drivers.figures import Figures, clean_text, mac_address, says_yes, serial_number, with_figures

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "power_w"),
    [(17.5, 17.5), ("17.5", 17.5), (0, 0), (" 3 ", 3), (None, None), ("", None), (" ", None)],
)
def test_a_figure_is_a_number_or_a_string_with_one(value, power_w):
    figures = Figures()
    assert figures.power_w(value) == power_w
    assert figures.warnings == []


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        (-1, "power left out: -1 is impossible"),
        (1e9, "power left out: 1e+09 is impossible"),
        (math.nan, "power left out: 'nan' is not a number"),
        (math.inf, "power left out: 'inf' is not a number"),
        (10**400, "power left out: "),
        (True, "power left out: 'True' is not a number"),
        ("N/A", "power left out: 'N/A' is not a number"),
        ([1], "power left out: a list is not a number"),
    ],
)
def test_an_impossible_figure_is_none_with_a_warning(value, warning):
    figures = Figures()
    assert figures.power_w(value) is None
    assert len(figures.warnings) == 1
    assert figures.warnings[0].startswith(warning)


@pytest.mark.parametrize("value", [-273, -273.15, "-273.0", 0, -1, 900])
def test_a_temperature_without_sensor_is_none_with_a_warning(value):
    figures = Figures()
    assert figures.temperature_c(value, absent=(-1.0,)) is None
    assert len(figures.warnings) == 1


def test_a_cold_miner_has_a_temperature():
    assert Figures().temperature_c(-12.5, absent=(-1.0,)) == -12.5


def test_a_hashrate_in_mega_hashes_is_turned_into_giga_hashes():
    assert Figures().hashrate_ghs("88000000", per_ghs=1000) == 88_000


@given(anything)
def test_any_value_is_a_possible_figure_or_none(value):
    figures = Figures()
    power_w = figures.power_w(value)
    assert power_w is None or 0 <= power_w <= 50_000
    temperature_c = figures.temperature_c(value)
    assert temperature_c is None or -60 < temperature_c <= 200
    accepted = figures.counter("accepted", value)
    assert accepted is None or 0 <= accepted <= 2**53


@given(anything)
def test_any_text_can_be_stored(value):
    text = clean_text(value, 10)
    assert text is None or (0 < len(text) <= 10 and text.isprintable() and text.encode())


@pytest.mark.parametrize(
    ("value", "mac"),
    [
        ("02:00:5e:10:00:01", "02:00:5E:10:00:01"),
        ("02-00-5E-10-00-01", "02:00:5E:10:00:01"),
        ("02005e100001", "02:00:5E:10:00:01"),
        ("[redacted]", None),
        ("00:00:00:00:00:00", None),
        ("02:00:5e:10:00", None),
        (12, None),
        (None, None),
    ],
)
def test_a_mac_address_is_written_one_way(value, mac):
    assert mac_address(value) == mac


@pytest.mark.parametrize(
    ("value", "serial"),
    [("0201000086aabbcc", "0201000086aabbcc"), ("<DELETED>", None), ("0000000000000000", None), (None, None)],
)
def test_a_serial_number_is_told_or_not(value, serial):
    assert serial_number(value) == serial


@pytest.mark.parametrize(
    ("value", "yes"), [(1, True), (True, True), ("true", True), (0, False), (None, False)]
)
def test_flags_are_numbers_booleans_or_text(value, yes):
    assert says_yes(value) is yes


def test_a_reading_without_any_figure_is_refused_with_its_warnings():
    with pytest.raises(Misread, match="power left out: -1"):
        with_figures(Reading(driver="x", accepted=3, warnings=("power left out: -1 is impossible",)))


def test_a_reading_with_a_hashrate_of_zero_is_one():
    reading = Reading(driver="x", hashrate_ghs=0.0)
    assert with_figures(reading) is reading
