"""Replies that were damaged on the way: what is read of them is the truth or nothing, never another number."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.drivers import DriverError, Reading
from miners.drivers.nmminer import read_broadcast
from tests.miners.drivers.fixtures import (
    BROADCAST,
    DASHBOARD,
    GAMMA,
    NMAXE,
    V2_SYSTEM,
    avalon_replies,
    json_reply,
    read_cgminer,
    read_http,
)

FIGURES = (
    "hashrate_ghs",
    "power_w",
    "temperature_c",
    "fan_rpm",
    "accepted",
    "rejected",
    "uptime_s",
)
AVALON_TEXT = (
    "'STATS':{Ver[Q-25010101_aaaa] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[610] ITemp[-273] TMax[74] "
    "TAvg[71] Fan1[1900] FanR[40%] PS[0 1200 4 70 1610 2245 1700] GHSspd[88000.0] WORKMODE[1] MPO[1600]}"
)
TOTALS = {"Elapsed": 500, "GHS 5s": "95001.5", "Accepted": 10, "Rejected": 1, "Power": 3250}
# A byte of a number turns one number into another, which nobody can see; these cannot.
STRANGE = st.sampled_from(
    [b"\0", b"\xe9", b" ", b'"', b"'", b",", b":", b"{", b"}", b"[", b"]", b"/", b"|", b"=", b"x"]
)
OTHER_KINDS = st.sampled_from(["", "N/A", "1.2Q", "12,5", None, True, [7], {"a": 7}, -1, 1e300])


def _axeos(body: bytes) -> Reading:
    return read_http("axeos", api_system_info=body)


def _nmaxe(body: bytes) -> Reading:
    return read_http("nmaxe", api_system_info=body)


def _nerdqaxe(body: bytes) -> Reading:
    return read_http("nerdqaxe", api_v2_dashboard=body, api_v2_system=V2_SYSTEM)


def _cgminer(body: bytes) -> Reading:
    return read_cgminer("cgminer", {"summary": body + b"\0"})


def _avalon(body: bytes) -> Reading:
    return read_cgminer("avalon", avalon_replies() | {"summary": AVALON_TOTALS, "estats": body + b"\0"})


AVALON_TOTALS = json_reply(SUMMARY=[{"Elapsed": 610, "MHS 5s": 88000000.0, "Accepted": 40, "Rejected": 2}])
READERS = {
    "axeos": (GAMMA, _axeos),
    "nmaxe": (NMAXE, _nmaxe),
    "nerdqaxe": ({key: DASHBOARD[key] for key in ("system", "performance", "power")}, _nerdqaxe),
    "nmminer": (BROADCAST, read_broadcast),
    "cgminer": ({"STATUS": [{"STATUS": "S"}], "SUMMARY": [TOTALS]}, _cgminer),
    "avalon": ({"STATUS": [{"STATUS": "S"}], "STATS": [{"MM ID0": AVALON_TEXT}]}, _avalon),
}
every_reader = pytest.mark.parametrize("name", READERS)


def figures_of(reading: Reading) -> dict[str, Any]:
    return {key: getattr(reading, key) for key in FIGURES}


def assert_true_or_nothing(name: str, body: bytes) -> None:
    document, read = READERS[name]
    truth = figures_of(read(json.dumps(document).encode()))
    try:
        told = figures_of(read(body))
    except DriverError:
        return
    wrong = {key: value for key, value in told.items() if value is not None and value != truth[key]}
    assert not wrong, body


@every_reader
def test_an_undamaged_reply_tells_most_figures(name):
    document, read = READERS[name]
    told = figures_of(read(json.dumps(document).encode()))
    assert sum(value is not None for value in told.values()) >= 5


@every_reader
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_reply_that_was_cut_off(name, data):
    body = json.dumps(READERS[name][0]).encode()
    assert_true_or_nothing(name, body[: data.draw(st.integers(0, len(body) - 1))])


@every_reader
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_reply_with_strange_bytes_in_it(name, data):
    body = json.dumps(READERS[name][0]).encode()
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(body)))
        body = body[:place] + data.draw(STRANGE) + body[place:]
    assert_true_or_nothing(name, body)


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    return [
        place
        for key, value in items
        for place in (
            _places(value, (*path, key)) if isinstance(value, dict | list) and value else [(*path, key)]
        )
    ]


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(document))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@every_reader
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_reply_with_a_value_of_another_kind(name, data):
    document = READERS[name][0]
    path = data.draw(st.sampled_from(_places(document)))
    assert_true_or_nothing(name, json.dumps(_with(document, path, data.draw(OTHER_KINDS))).encode())


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (json.dumps(GAMMA).encode() + b"\0", "the answer ended in NUL bytes"),
        (json.dumps(GAMMA).encode().replace(b", ", b" ", 1), "was mended"),
        (b"{," + json.dumps(GAMMA).encode()[1:], "was mended"),
        (b"," + json.dumps(GAMMA).encode(), "was mended"),
        (json.dumps(GAMMA | {"fanspeed": float("nan")}).encode(), "was mended"),
        (json.dumps(GAMMA | {"hostname": "X"}).encode().replace(b'"X"', b'"\xe9"'), "Latin-1"),
    ],
)
def test_a_slip_that_can_be_mended_is_read_right_with_a_warning(body, warning):
    truth, reading = _axeos(json.dumps(GAMMA).encode()), _axeos(body)
    assert figures_of(reading) == figures_of(truth)
    assert len(reading.warnings) == 1
    assert warning in reading.warnings[0]
