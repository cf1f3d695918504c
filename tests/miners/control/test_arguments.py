"""The arguments of orders, as people type them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.control.arguments import ARGUMENTS, parse_arguments
from miners.drivers.orders import Kind


def test_what_is_left_out_has_its_usual_value() -> None:
    pool = parse_arguments(Kind.POOL, {"url": "solo.example.org:3333", "user": " me.1 "})
    assert pool == {"slot": "primary", "url": "stratum+tcp://solo.example.org:3333", "user": "me.1"}
    assert parse_arguments(Kind.IDENTIFY, {}) == {"light": "on"}
    assert parse_arguments(Kind.MODE, {"mode": "Eco"}) == {"mode": "eco"}
    assert parse_arguments(Kind.LEVEL, {"level": "-2"}) == {"level": -2}
    assert parse_arguments(Kind.FREQUENCY, {"frequency_mhz": "525"}) == {"frequency_mhz": 525}
    assert parse_arguments(Kind.RESTART, {}) == {}


@pytest.mark.parametrize(
    ("kind", "given", "complaint"),
    [
        (Kind.RESTART, {"mode": "1"}, "restart takes no 'mode'; its arguments: none"),
        (Kind.MODE, {}, "mode needs mode, as mode=VALUE"),
        (Kind.POOL, {"url": "a:1"}, "pool needs user"),
        (Kind.POOL, {}, "pool needs url and user"),
        (Kind.FREQUENCY, {}, "frequency needs frequency_mhz, core_voltage_mv or both"),
        (Kind.FREQUENCY, {"frequency_mhz": "fast"}, "frequency_mhz 'fast' is not a whole number"),
        (Kind.FREQUENCY, {"frequency_mhz": "525.5"}, "is not a whole number"),
        (Kind.FREQUENCY, {"core_voltage_mv": "0"}, "from 1 to 5000"),
        (Kind.FREQUENCY, {"frequency_mhz": "٥٢٥"}, "is not a whole number"),
        (Kind.LEVEL, {"level": "99"}, "from -10 to 10"),
        (Kind.IDENTIFY, {"light": "dim"}, "light 'dim' is none of on, off"),
        (
            Kind.POOL,
            {"url": "a:1", "user": "u", "slot": "third"},
            "slot 'third' is none of primary, fallback",
        ),
        (Kind.POOL, {"url": "a:1", "user": " "}, "user must have 1 to 200 characters"),
    ],
)
def test_what_is_wrong_is_named(kind: Kind, given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("'", ".")):
        parse_arguments(kind, given)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pool",
        "pool:0",
        "pool:70000",
        "http://pool:1",
        "stratum+ssl://pool:1",
        "a b:1",
        "a,b:1",
        "u@pool:1",
        "pool:1/x",
        "[::1]:1",
    ],
)
def test_what_is_no_pool_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        parse_arguments(Kind.POOL, {"url": url, "user": "u"})


@given(
    kind=st.sampled_from(Kind), given=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=3)
)
def test_whatever_is_typed_is_read_or_refused(kind: Kind, given: dict[str, str]) -> None:
    with suppress(ValueError):
        assert set(parse_arguments(kind, given)) <= set(ARGUMENTS.get(kind, {}))
