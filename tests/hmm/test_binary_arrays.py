"""Arrays arrive at PostgreSQL as they were: numbers, texts, nulls, and none at all."""

import math
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.lib.binary_arrays import (
    BinaryArray,
    Float8Array,
    Int4Array,
    Int8Array,
    binding_cursor,
    number_array,
    text_array,
)

pytestmark = pytest.mark.django_db
QUIET = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def arrived(sent: BinaryArray) -> Any:
    with binding_cursor() as cursor:
        cursor.execute(f"SELECT %s::{sent.element}[]", [sent])
        return cursor.fetchone()[0]


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)))
@QUIET
def test_integers_arrive(values: list[int | None]) -> None:
    assert arrived(number_array(Int4Array, values)) == values


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
@QUIET
def test_bigints_arrive(values: list[int | None]) -> None:
    assert arrived(number_array(Int8Array, values)) == values


@given(st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)))
@QUIET
def test_doubles_arrive_bit_for_bit(values: list[float | None]) -> None:
    def signs(found: list[float | None]) -> list[float | None]:
        return [None if value is None else math.copysign(1, value) for value in found]

    found = arrived(number_array(Float8Array, values))
    assert found == values
    assert signs(found) == signs(values)


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))))
@QUIET
def test_texts_arrive(values: list[str]) -> None:
    assert arrived(text_array(values)) == values


def test_what_an_array_cannot_hold_is_refused() -> None:
    with pytest.raises(OverflowError):
        number_array(Int4Array, [2**31])
    with pytest.raises(TypeError):
        number_array(Int8Array, [1.5])
    with pytest.raises(TypeError):
        number_array(Float8Array, ["1"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="NUL"):
        text_array(["a\x00b"])


def test_statements_are_seen_by_who_counts_them(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as seen:
        arrived(number_array(Int4Array, [1, 2]))
    assert "int4[]" in seen.captured_queries[0]["sql"]


def test_nothing_is_left_prepared() -> None:
    for _ in range(10):
        arrived(text_array(["a"]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
