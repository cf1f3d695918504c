"""Orders through pyasic-rs: what it says a firmware takes, and what it is told."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Address, Unreachable
from miners.drivers.base import Misread
from miners.drivers.farm_controls import FarmControls, answer_of, pools_with, power_limits
from miners.drivers.orders import About, Kind, Order, Range, refusal
from tests.miners.drivers.fixtures import in_a_thread, json_reply
from tests.miners.drivers.servers import cgminer_device
from tests.miners.drivers.test_farm import LUXOS, own_host, with_package

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FARM = FarmControls()
POOL = {"slot": "primary", "url": "stratum+tcp://pool.example:3333", "user": "me"}
TAKEN = json_reply()
REFUSED = b'{"STATUS":[{"STATUS":"E","When":9,"Code":402,"Msg":"Invalid session id"}],"id":1}\0'
SESSION = {
    name: json_reply(SESSION=[{"SessionID": "s1"}]) for name in ("session", "logon")
} | dict.fromkeys(("curtail", "ledset", "rebootdevice"), TAKEN)  # fmt: skip


def test_unasked_it_offers_what_the_package_has_and_asked_what_the_firmware_takes() -> None:
    assert FARM.offers(About()).kinds == {
        Kind.RESTART,
        Kind.PAUSE,
        Kind.RESUME,
        Kind.IDENTIFY,
        Kind.POOL,
    }
    asked = About(options=frozenset({"pause", "power"}), power_w=Range(2000, 3500, "it"))
    assert FARM.offers(asked).kinds == {Kind.PAUSE, Kind.POWER}
    assert refusal(Order(Kind.POWER, {"power_w": 1999}), FARM.offers(asked), "it").startswith(
        "1999 W is outside"
    )


def test_what_is_kept_names_no_password() -> None:
    (step,) = FARM.steps(Order(Kind.POOL, POOL, {"device": "hunter2", "pool": "secret"}), About(), NOW)
    assert str(step) == "pyasic-rs pool slot=primary url=stratum+tcp://pool.example:3333 user=me"
    assert "hunter2" not in repr(step)
    assert "secret" not in repr(step)


def target(watts: float | None) -> Any:
    return SimpleNamespace(watts=watts)


@pytest.mark.parametrize(
    ("power", "limits"),
    [
        (SimpleNamespace(minimum=target(2000.4), maximum=target(3600)), (2000, 3600)),
        (SimpleNamespace(minimum=None, maximum=target(3600)), None),
        (SimpleNamespace(minimum=target(None), maximum=target(3600)), None),
        (None, None),
    ],
)
def test_a_limit_of_power_needs_both_ends(power: Any, limits: tuple[int, int] | None) -> None:
    found = power_limits(SimpleNamespace(tuning_capabilities=SimpleNamespace(power=power)))
    assert (found and (found.least, found.most)) == limits
    assert power_limits(SimpleNamespace(tuning_capabilities=None)) is None


@given(st.lists(st.integers(), max_size=4), st.integers(0, 1))
def test_a_pool_takes_its_place_and_leaves_the_others(pools: list[int], slot: int) -> None:
    changed = pools_with(pools, slot, "new")
    place = changed.index("new")
    assert place == min(slot, len(pools))
    assert changed[:place] + changed[place + 1 :] == pools[:place] + pools[slot + 1 :]


@pytest.mark.parametrize(
    ("fault", "is_taken", "words"),
    [
        ("Command returned with error status: power limit too low", False, "power limit too low"),
        ("Command returned with error status: Invalid JSON response", None, "pyasic-rs: Command returned"),
        ("connection reset", None, "pyasic-rs: connection reset"),
    ],
)
def test_a_fault_is_a_refusal_only_where_the_device_gave_its_words(
    fault: str, is_taken: bool | None, words: str
) -> None:
    answer = answer_of(fault)
    assert answer.is_taken is is_taken
    assert answer.words.startswith(words)


@with_package
def test_a_luxos_is_asked_and_told_through_the_package() -> None:
    host = own_host()
    with cgminer_device(LUXOS | SESSION, host=host, port=4028) as device:
        about = in_a_thread(
            FARM.ask, Address(host), About("Antminer S19k Pro", "LuxOS"), time.monotonic() + 30
        )
        (step,) = FARM.steps(Order(Kind.PAUSE), about, NOW)
        answer = in_a_thread(FARM.send, Address(host), step, time.monotonic() + 30)
    assert FARM.offers(about).kinds == {Kind.RESTART, Kind.PAUSE, Kind.RESUME, Kind.IDENTIFY, Kind.POOL}
    assert answer.is_taken
    assert any('"curtail"' in request and "sleep" in request for request in device.asked)


@with_package
def test_a_refusal_is_one_what_ends_in_a_fault_is_unknown_and_a_dark_host_is_told_nothing() -> None:
    host = own_host()
    (step,) = FARM.steps(Order(Kind.PAUSE), About(), NOW)
    with cgminer_device(LUXOS | SESSION | {"curtail": REFUSED}, host=host, port=4028):
        refusal_of_it = in_a_thread(FARM.send, Address(host), step, time.monotonic() + 30)
    assert (refusal_of_it.is_taken, refusal_of_it.words) == (False, "Invalid session id")
    with cgminer_device(LUXOS, host=host, port=4028):
        answer = in_a_thread(FARM.send, Address(host), step, time.monotonic() + 30)
    assert answer.is_taken is None
    assert "session" in answer.words
    with pytest.raises((Unreachable, Misread)):
        in_a_thread(FARM.send, Address(host), step, time.monotonic() + 3)
