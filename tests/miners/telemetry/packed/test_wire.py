"""Arrays as PostgreSQL sends them, nulls among the numbers."""

from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.binary_arrays import Float8Array, Int4Array, number_array
from miners.telemetry.packed.wire import FLOAT8, INT4, _values

RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 70)), max_size=8)
"""Of nulls and of numbers, shorter and longer than what is read one by one."""


@given(RUNS, st.lists(st.floats(allow_nan=False), min_size=1, max_size=9))
def test_figures_and_nulls_come_back_in_their_places(runs: list[tuple[bool, int]], some: list[float]) -> None:
    values = [None if is_null else some[n % len(some)] for is_null, count in runs for n in range(count)]
    assert list(_values(FLOAT8, number_array(Float8Array, values))) == values


@given(RUNS, st.integers(-(2**31), 2**31 - 1))
def test_so_do_whole_numbers(runs: list[tuple[bool, int]], number: int) -> None:
    values = [None if is_null else number for is_null, count in runs for _ in range(count)]
    assert list(_values(INT4, number_array(Int4Array, values))) == values
