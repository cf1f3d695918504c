"""Lines read column by column say exactly what they say one by one, or are left to be read so."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.telemetry.columns import columns_parser
from miners.telemetry.lines import COLUMNS, REQUIRED, LineRefused, csv_parser

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOUND = ["a", "2026-03-01T11:00:00Z", "15.5", "1200", "61.25", "4200", "3", "0", "60"]

numbers = st.sampled_from(
    ["", "0", "15.5", "-3", "4200", "1e3", " 7", "1_0", "nan", "٣", "3.0", ".5", "5.", "-", "9" * 12]
)
times = st.sampled_from(
    [
        "2026-03-01T11:00:00Z",
        "2026-03-01T11:00:00.9+01:00",
        "2026-03-01T11:00:00",
        "2027-01-01T00:00Z",
        "x",
        "2026-03-01T11:00:00+01:00:01",
    ]
)
names = st.sampled_from(["a", "bench 1", " a", "", "x" * 101, "a\tb"])
lines = st.tuples(names, times, *[numbers] * 7).map(list)


@given(st.lists(st.one_of(lines, st.just(SOUND), st.just(SOUND[:-1])), min_size=1, max_size=6))
def test_columns_say_what_the_lines_say(cells: list[list[str]]) -> None:
    columns = columns_parser(COLUMNS, NOW)(list(map(",".join, cells)))
    if columns is None:
        return
    parse = csv_parser(COLUMNS, NOW)
    for index, (name, at) in enumerate(zip(columns.miners, columns.at, strict=True)):
        texts = [values[index] for values in columns.values]
        assert parse(cells[index]) == (name, at, *[float(text) if text else None for text in texts])


def test_sound_lines_go_by_columns() -> None:
    empty = ["b", "2026-03-01T11:00:30+00:00", "", "", "", "", "", "", ""]
    columns = columns_parser(COLUMNS, NOW)([",".join(SOUND), ",".join(empty)])
    assert columns is not None
    assert list(columns.miners) == ["a", "b"]
    assert [list(values) for values in columns.values[:2]] == [["60", ""], ["15.5", ""]]


def test_a_column_that_is_not_there_is_empty() -> None:
    columns = columns_parser(REQUIRED, NOW)([",".join(SOUND[:-1])] * 2)
    assert columns is not None
    assert list(columns.values[0]) == ["", ""]


@pytest.mark.parametrize("place", range(len(SOUND)))
def test_one_refused_line_leaves_all_to_be_read_one_by_one(place: int) -> None:
    bad = [*SOUND[:place], "\x00", *SOUND[place + 1 :]]
    with pytest.raises(LineRefused):
        csv_parser(COLUMNS, NOW)(bad)
    assert columns_parser(COLUMNS, NOW)([",".join(SOUND), ",".join(bad)]) is None


def test_a_number_that_postgresql_could_refuse_is_not_plain() -> None:
    tiny = [*SOUND[:2], f"0.{'0' * 400}1", *SOUND[3:]]
    assert columns_parser(COLUMNS, NOW)([",".join(SOUND), ",".join(tiny)]) is None
    assert csv_parser(COLUMNS, NOW)(tiny).power_w == 0
