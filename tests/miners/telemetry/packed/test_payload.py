"""A day through bytes and back: the same, bit for bit, whatever it tells."""

import struct
from array import array
from dataclasses import fields
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from miners.telemetry.packed.blocks import DamagedBlock, decode_bytes, decode_numbers, encode_numbers
from miners.telemetry.packed.figures import DOUBLE, SINGLE, from_numbers, to_numbers
from miners.telemetry.packed.payload import VERSION, Day, UnknownFormat, decode, encode

INT4 = st.integers(-(2**31), 2**31 - 1)
FIGURE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.decimals(-100_000_000, 100_000_000, places=2).map(float),
    st.floats(width=32),
    st.integers(0, 5000).map(float),
)


def bits(values: object) -> list[bytes | None]:
    """Return doubles by their bits: so that −0.0 is not 0.0, and NaN is itself."""
    return [None if v is None else struct.pack("d", v) for v in values]  # type: ignore[attr-defined]


def as_told(day: Day) -> dict[str, list[object]]:
    return {
        field.name: bits(getattr(day, field.name))
        if field.name in ("power_w", "hashrate_ghs", "temperature_c")
        else list(getattr(day, field.name))
        for field in fields(Day)
    }


@st.composite
def days(draw: st.DrawFn) -> Day:
    seconds = sorted(draw(st.sets(st.integers(0, 86399), min_size=1, max_size=60)))
    rows = len(seconds)

    def column(values: st.SearchStrategy) -> list:  # type: ignore[type-arg]
        return draw(
            st.lists(
                draw(st.sampled_from([values, values | st.none(), st.none()])), min_size=rows, max_size=rows
            )
        )

    return Day(
        second=seconds,
        covered_s=draw(st.lists(st.integers(1, 604800), min_size=rows, max_size=rows)),
        power_w=column(FIGURE),
        hashrate_ghs=column(FIGURE),
        temperature_c=column(FIGURE),
        fan_rpm=column(INT4),
        accepted=column(INT4),
        rejected=column(INT4),
    )


@given(days())
def test_a_day_comes_back_bit_for_bit(day: Day) -> None:
    assert as_told(decode(encode(day))) == as_told(day)


@example(numbers=[-(2**63), 2**62])
@example(numbers=[2**63 - 1, -(2**63)])
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=900))
def test_any_whole_numbers_come_back(numbers: list[int]) -> None:
    found, end = decode_numbers(encode_numbers(numbers), 0, len(numbers))
    assert list(found) == numbers
    assert end == len(encode_numbers(numbers))


@pytest.mark.parametrize("kind", ["i", "q"])
def test_numbers_in_arrays_of_any_width_come_back(kind: str) -> None:
    """Rows come from the database in arrays of four bytes a number."""
    numbers = array(kind, [0, 7, 5, 7, 300])
    assert list(decode_numbers(encode_numbers(numbers), 0, 5)[0]) == [0, 7, 5, 7, 300]


def test_single_figures_with_zero_among_them_come_back() -> None:
    figures = [0.0, 1198.533203125, 0.0]
    way, numbers = to_numbers(figures)
    block = encode_numbers(numbers)
    assert (way, bits(from_numbers(way, decode_numbers(block, 0, 3)[0]))) == (SINGLE, bits(figures))


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 3), min_size=1, max_size=900))
def test_numbers_that_rise_steadily_come_back(first: int, steps: list[int]) -> None:
    numbers = [first]
    for step in steps:
        numbers.append(numbers[-1] + step)
    assert list(decode_numbers(encode_numbers(numbers), 0, len(numbers))[0]) == numbers


@given(st.lists(FIGURE, min_size=1, max_size=80))
def test_any_figures_come_back(figures: list[float]) -> None:
    way, numbers = to_numbers(figures)
    assert bits(from_numbers(way, numbers)) == bits(figures)


@pytest.mark.parametrize(
    ("figures", "way"),
    [
        ([3012.0, 2998.0], 0),
        ([110_123.45, 0.1], 2),
        ([61.5, 62.0], 1),
        ([0.1 + 0.2], DOUBLE),
        ([1198.533203125, 0.5], SINGLE),
        ([1.0, -0.0], SINGLE),
        ([float("nan")], SINGLE),
        ([1e300], DOUBLE),
        ([2.0**53], SINGLE),
        ([1.0] * 40 + [1 / 3], DOUBLE),
        ([1.0] * 40 + [float("nan")], SINGLE),
    ],
)
def test_figures_are_numbers_of_as_few_digits_as_they_have(figures: list[float], way: int) -> None:
    assert to_numbers(figures)[0] == way


def test_what_never_changes_takes_no_room_however_long() -> None:
    def packed(rows: int) -> int:
        seconds = range(0, 30 * rows, 30)
        return len(encode(Day(list(seconds), [30] * rows, *([[None] * rows] * 6))))  # type: ignore[arg-type]

    assert packed(2880) == packed(2)


def test_steady_rises_are_kept_as_differences_and_noise_as_offsets() -> None:
    rising = [n * n for n in range(3000)]
    assert encode_numbers(rising)[0] == 1
    chance = Random(1)
    assert encode_numbers([chance.randrange(200) for _ in range(3000)])[0] == 0


def test_another_version_is_refused_by_its_number() -> None:
    data = bytearray(encode(Day([1], [1], [1.0], [None], [None], [None], [None], [None])))
    assert data[0] == VERSION
    data[0] = 9
    with pytest.raises(UnknownFormat, match="version 9; this program knows version 1"):
        decode(bytes(data))


def test_bytes_that_end_too_soon_are_damaged() -> None:
    data = encode_numbers([*range(0, 90000, 7), 3, 1, 2])
    with pytest.raises(DamagedBlock):
        decode_numbers(data[:-1], 0, 12861)
    with pytest.raises(DamagedBlock):
        decode_bytes(b"\x07\x01\x00\x00\x00a", 0)
