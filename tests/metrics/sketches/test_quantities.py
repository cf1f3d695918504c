"""Buckets: how far off their value is, and that they are in the order of values."""

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from metrics.sketches.quantities import ACCURACY, QUANTITIES, estimate, key_of
from miners.telemetry.rules import BOUNDS

believable = st.floats(*BOUNDS["hashrate_ghs"]) | st.floats(*BOUNDS["temperature_c"]) | st.floats(0, 1e-6)


@given(value=believable)
def test_what_stands_for_a_bucket_is_within_its_accuracy(value):
    assert isclose(estimate(key_of(value)), value, rel_tol=ACCURACY * 1.000001, abs_tol=1e-9)


@given(one=believable, other=believable)
def test_keys_are_in_the_order_of_values(one, other):
    low, high = sorted((one, other))
    assert key_of(low) <= key_of(high)
    assert estimate(key_of(low)) <= estimate(key_of(high))


@given(value=believable)
def test_a_negative_value_is_the_mirror_image(value):
    assert key_of(-value) == -key_of(value)


def test_a_key_of_any_quantity_fits_its_place_in_a_stored_bucket():
    keys = [key_of(bound) for quantity in QUANTITIES for bound in BOUNDS[quantity.column]]
    assert all(abs(key) < 2**15 for key in keys)
    assert [quantity.number for quantity in QUANTITIES] == sorted(
        {quantity.number for quantity in QUANTITIES}
    )
