"""Bytes into rows, within bounds."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.push import body
from miners.push.body import BodyRefused, GivenRow, read_rows

JSON, LINES = "application/json", "application/x-ndjson"
values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
objects = st.lists(st.dictionaries(st.text(max_size=9), values, max_size=4), max_size=6)


def rows(found: list[GivenRow]) -> list[Any]:
    assert [row.problem for row in found] == [""] * len(found)
    return [row.values for row in found]


@given(objects, st.booleans())
def test_an_array_and_lines_say_the_same_inflated_or_not(given_rows: list[Any], zipped: bool) -> None:
    array, lines = json.dumps(given_rows).encode(), "\n".join(map(json.dumps, given_rows)).encode()
    encoding = "gzip" if zipped else ""
    pack = gzip.compress if zipped else bytes
    assert rows(read_rows(pack(array), f"{JSON}; charset=utf-8", encoding)) == given_rows
    assert rows(read_rows(pack(lines), LINES, encoding)) == given_rows


@given(st.binary(max_size=200), st.sampled_from([JSON, LINES]), st.sampled_from(["", "gzip"]))
def test_whatever_is_sent_is_rows_or_a_refusal(sent: bytes, kind: str, encoding: str) -> None:
    try:
        is_sound = all(isinstance(row.values, dict) or row.problem for row in read_rows(sent, kind, encoding))
    except BodyRefused as refusal:
        is_sound = refusal.status == 422 and "\n" not in str(refusal)
    assert is_sound


def test_a_single_object_is_one_row() -> None:
    assert read_rows(b' {"a": 1}', "Application/JSON", "identity") == [GivenRow(1, {"a": 1})]


def test_a_row_that_is_none_is_told_and_the_others_stay() -> None:
    found = read_rows(b'{"a": 1}\n\n{"a": \n[1]\r\n{"a": 1, "a": 2}\n\xff\n{"b": NaN}', LINES, "")
    assert [(row.number, row.problem.partition(":")[0]) for row in found] == [
        *((1, ""), (3, "is not JSON"), (4, "is not a JSON object")),
        *((5, "has a key twice"), (6, "is not JSON"), (7, "")),
    ]


@pytest.mark.parametrize(
    ("sent", "kind", "encoding", "status", "says"),
    [
        (b"[]", "application/x-www-form-urlencoded", "", 415, "application/x-ndjson"),
        (b"[]", "", "", 415, "Content-Type must be application/json"),
        (b"[]", JSON, "br", 415, "Content-Encoding must be gzip"),
        (b"[]", JSON, "gzip", 422, "is not gzip"),
        (gzip.compress(b"[]", mtime=0)[:-4], JSON, "gzip", 422, "not one whole gzip stream"),
        (gzip.compress(b"[]", mtime=0) + b"more", JSON, "gzip", 422, "not one whole gzip stream"),
        (b"", JSON, "", 422, "is not JSON"),
        (b"[1,", JSON, "", 422, "is not JSON"),
        (b"[" * 100_000, JSON, "", 422, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", JSON, "", 422, "is not JSON"),
        (b"\xff", JSON, "", 422, "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_whole_and_says_why(
    sent: bytes, kind: str, encoding: str, status: int, says: str
) -> None:
    with pytest.raises(BodyRefused, match=says) as refusal:
        read_rows(sent, kind, encoding)
    assert refusal.value.status == status


def test_a_body_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(BodyRefused, match="more than 8,388,608 bytes") as refusal:
        read_rows(b" " * (body.MAX_BODY_BYTES + 1), JSON, "")
    assert refusal.value.status == 413


def test_a_bomb_is_inflated_to_the_limit_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    given_most: list[int] = []

    class Counting:
        def __init__(self, window: int) -> None:
            self._inner = _decompressobj(window)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            text = self._inner.decompress(data, most)
            given_most.append(len(text))
            return text

    _decompressobj = zlib.decompressobj
    bomb = gzip.compress(b" " * 200_000_000, mtime=0)
    monkeypatch.setattr(body.zlib, "decompressobj", Counting)
    with pytest.raises(BodyRefused, match="inflates to more than") as refusal:
        read_rows(bomb, JSON, "gzip")
    assert refusal.value.status == 413
    assert given_most == [body.MAX_INFLATED_BYTES + 1]


@pytest.mark.parametrize("kind", [JSON, LINES])
def test_too_many_rows_are_refused_and_as_many_as_there_may_be_are_not(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_ROWS", 3)

    def sent(count: int) -> bytes:
        return json.dumps([{}] * count).encode() if kind == JSON else b"{}\n\n" * count

    assert len(read_rows(sent(3), kind, "")) == 3
    with pytest.raises(BodyRefused, match="more than 3 rows") as refusal:
        read_rows(sent(4), kind, "")
    assert refusal.value.status == 413
