import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Misread
from miners.drivers.loose_json import mend, parse

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}\0', {"a": 1}),
        (b'\xef\xbb\xbf {"a": 1} \r\n\0\0', {"a": 1}),
        (b'[{"a": 1}{"b": 2}]', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1 "b": "x" "c": [1 2]}', {"a": 1, "b": "x", "c": [1, 2]}),
        (b'{"a": 1,, "b": 2,}', {"a": 1, "b": 2}),
        (b"[,1,2,,]", [1, 2]),
        (b'{"a": nan, "b": -inf, "c": NaN, "d": -nan(ind)}', {"a": None, "b": None, "c": None, "d": None}),
        (b'{"a": , "b":}', {"a": None, "b": None}),
        (b'{"user": "\xe9t\xe9"}', {"user": "été"}),
        ('{"user": "été"}'.encode(), {"user": "été"}),
        (b'{"a": "tab\there, {not: a,, comma}"}', {"a": "tab\there, {not: a,, comma}"}),
        (b'{"a": "tab\there, {not: a,, comma}",}', {"a": "tab\there, {not: a,, comma}"}),
        (b'{"a": "say \\"hi\\"" "b": 1}', {"a": 'say "hi"', "b": 1}),
    ],
)
def test_the_slips_of_miners_are_mended(body, document):
    assert parse(body) == document


def test_what_is_told_twice_counts_where_both_say_the_same():
    noted: list[str] = []
    body = b'{"power": 17.5, "temp": 50, "in": [{"a": 1, "a": 2, "a": 2}], "power": 17.5, "temp": 51}'
    assert parse(body, noted=noted) == {"power": 17.5, "temp": None, "in": [{"a": None}]}
    assert noted == [f"{key} left out: it is told twice, differently" for key in ("a", "temp")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty answer"),
        (b"\0\0", "empty answer"),
        (b"<html>", "answers HTML, not AxeOS"),
        (b'{"power": 17.5, "temp": 5', "JSON cut off after 25 bytes"),
        (b'{"a": [{"b": 1}, ', "JSON cut off after 17 bytes"),
        (b'{"a": "b', "JSON cut off after 8 bytes"),
        (b"hello", "answer is not JSON"),
        (b"{]", "answer is not JSON"),
        (b'{"a": 1} {"b": 2}', "answer is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "answer is not JSON"),
        (b'"' + b'\\"' * 300_000, "answer is not JSON"),
        (b'{"' + b'\\"' * 300_000, "JSON cut off after 600002 bytes"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_reason(body, reason):
    with pytest.raises(Misread) as caught:
        parse(body, "AxeOS")
    assert caught.value.reason == reason


@given(documents)
def test_good_json_is_left_as_it_is(document):
    text = json.dumps(document)
    assert parse(text.encode()) == document
    assert json.loads(mend(text)) == document


@given(st.lists(st.dictionaries(st.text(), st.integers()), min_size=2))
def test_lost_commas_between_objects_come_back(rows):
    text = "[" + " ".join(json.dumps(row) for row in rows) + "]"
    assert parse(text.encode()) == rows


@given(documents.filter(lambda document: isinstance(document, dict | list) and document), st.data())
def test_what_is_cut_off_is_never_taken_for_the_whole(document, data):
    text = json.dumps(document)
    length = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(Misread):
        parse(text[:length].encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(Misread):
        parse(body)
