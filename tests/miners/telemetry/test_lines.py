"""Lines of telemetry files: what they say, and why they are refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.telemetry.lines import COLUMNS, REQUIRED, Line, LineRefused, csv_parser, json_parser

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int(datetime(2026, 3, 1, 11, tzinfo=UTC).timestamp())


def cells(**changes: str) -> list[str]:
    values = dict(
        zip(REQUIRED, ["a", "2026-03-01T11:00:00Z", "15.5", "1200", "61.25", "4200", "3", "0"], strict=True)
    )
    return list((values | changes).values())


def parse(**changes: str) -> Line:
    return csv_parser(REQUIRED, NOW)(cells(**changes))


def test_a_line_of_csv() -> None:
    assert parse() == Line("a", AT, None, 15.5, 1200.0, 61.25, 4200, 3, 0)


def test_columns_may_come_in_any_order_with_covered_s() -> None:
    header = list(reversed(COLUMNS))
    line = csv_parser(header, NOW)(
        ["60", "0", "3", "4200", "61.25", "1200", "15.5", "2026-03-01T11:00:00Z", "a"]
    )
    assert line == Line("a", AT, 60, 15.5, 1200.0, 61.25, 4200, 3, 0)


def test_empty_is_unknown() -> None:
    empty = dict.fromkeys(REQUIRED[2:], "")
    assert parse(**empty) == Line("a", AT, None, None, None, None, None, None, None)
    assert parse(power_w="  ").power_w is None


@pytest.mark.parametrize(
    "timestamp",
    ["2026-03-01T12:00:00+01:00", "2026-03-01 11:00:00.999Z", "2026-03-01T11:00Z", "20260301T110000Z"],
)
def test_a_timestamp_is_an_instant_in_whole_seconds(timestamp: str) -> None:
    assert parse(timestamp=timestamp).at == AT


def test_a_whole_number_may_be_written_as_a_decimal() -> None:
    assert parse(fan_rpm="4200.0").fan_rpm == 4200


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"miner": ""}, "miner is empty"),
        ({"miner": "x" * 101}, "100 printable"),
        ({"miner": "a\x00b"}, "printable"),
        ({"timestamp": "2026-03-01T11:00:00"}, "no UTC offset"),
        ({"timestamp": "2026-03-01T11:00:00+14:01"}, "a UTC offset that there is not"),
        ({"timestamp": ""}, "not ISO 8601"),
        ({"timestamp": "1772362800"}, "not ISO 8601"),
        ({"timestamp": "2026-03-01T12:05:01Z"}, "ahead of now"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "before the first block"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "before the first block"),
        ({"power_w": "abc"}, "power_w 'abc' is not a number"),
        ({"power_w": "NaN"}, "power_w nan is impossible"),
        ({"power_w": "inf"}, "power_w inf is impossible"),
        ({"power_w": "1_000"}, "power_w '1_000' is not a number"),
        ({"power_w": "-1"}, "power_w -1.0 is impossible"),
        ({"power_w": "5e-324"}, "power_w 5e-324 is impossible"),
        ({"temperature_c": "-273"}, "temperature_c -273.0 is impossible"),
        ({"fan_rpm": "4200.5"}, "fan_rpm 4200.5 is not a whole number"),
        ({"accepted": "3000000000"}, "accepted"),
        ({"rejected": "1_0"}, "rejected '1_0' is not a number"),
    ],
)
def test_a_refusal_names_the_column_and_the_value(changes: dict[str, str], named: str) -> None:
    with pytest.raises(LineRefused, match=named.replace("(", r"\(")):
        parse(**changes)


def test_a_line_of_another_width_is_refused() -> None:
    with pytest.raises(LineRefused, match="has 7 cells, the header has 8"):
        csv_parser(REQUIRED, NOW)(cells()[:-1])


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (REQUIRED[:-1], "no column 'rejected'"),
        ((*REQUIRED, "watts"), "unknown column 'watts'"),
        ((*REQUIRED, "miner"), "twice the column 'miner'"),
        ((*REQUIRED, ""), "unknown column ''"),
    ],
)
def test_columns_missing_unknown_or_twice_are_refused(header: tuple[str, ...], named: str) -> None:
    with pytest.raises(LineRefused, match=named):
        csv_parser(header, NOW)


JSON = (
    '{"miner": "a", "timestamp": "2026-03-01T11:00:00Z", "power_w": 15.5, "hashrate_ghs": 1200, '
    '"temperature_c": null, "fan_rpm": 4200, "accepted": 3, "rejected": 0}'
)


def test_a_line_of_json() -> None:
    assert json_parser(NOW)(JSON) == Line("a", AT, None, 15.5, 1200.0, None, 4200, 3, 0)


def test_a_line_of_json_leaves_out_what_is_not_known() -> None:
    told = '{"miner": "a", "timestamp": "2026-03-01T11:00:00Z", "hashrate_ghs": 1200}'
    assert json_parser(NOW)(told) == Line("a", AT, None, None, 1200.0, None, None, None, None)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"power_w": 15.5', '"power_w": "15.5"', "power_w '15.5' is not a number"),
        ('"power_w": 15.5', '"power_w": true', "power_w 'True' is not a number"),
        ('"power_w": 15.5', '"power_w": NaN', "power_w nan is impossible"),
        ('"power_w": 15.5', '"power_w": 1e999', "power_w inf is impossible"),
        ('"miner": "a", ', "", "no column 'miner'"),
        (JSON, '{"miner": "a", "timestamp": "2026-03-01T11:00:00Z"}', "tells nothing"),
        ('"power_w": 15.5', '"power_w": 15.5, "x": 1', "unknown column 'x'"),
        ('"power_w": 15.5', '"power_w": 15.5, "power_w": 16', "twice the column 'power_w'"),
        ('"miner": "a"', '"miner": 7', "miner 7 is not a name"),
        ('"2026-03-01T11:00:00Z"', "1772362800", "not ISO 8601"),
        (JSON, '{"miner": ', "is not JSON"),
        (JSON, "[" * 100_000, "is not JSON"),
        (JSON, "[1]", "not a JSON object"),
    ],
)
def test_json_is_refused_with_the_reason(old: str, new: str, named: str) -> None:
    with pytest.raises(LineRefused, match=named):
        json_parser(NOW)(JSON.replace(old, new))


@given(st.lists(st.text(max_size=20), min_size=8, max_size=8))
def test_any_text_is_a_line_or_a_refusal(texts: list[str]) -> None:
    try:
        line = csv_parser(REQUIRED, NOW)(texts)
    except LineRefused:
        return
    assert line.miner


@given(st.text())
def test_any_text_is_a_line_of_json_or_a_refusal(text: str) -> None:
    with pytest.raises(LineRefused):
        json_parser(NOW)(text)
