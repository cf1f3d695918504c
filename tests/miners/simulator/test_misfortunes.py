"""What goes wrong with some devices, as a client on the network meets it."""

import itertools
import json
from dataclasses import replace

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.simulator.device import Condition, Device
from miners.simulator.fleet import fleet
from miners.simulator.misfortune import BROKEN, DARK, Misfortune, Rhythm, Spells, spoil
from miners.simulator.noise import stream
from tests.miners.simulator.harness import START, Running, device_named, running

DARK_ONE, SLOW_ONE, BREAKING_ONE = "gamma-2", "supra-2", "nano3s-2"


def when(device: Device, wanted, until_s: int = 3600) -> float:
    """Return the first second at which `wanted(t)` holds."""
    return next(START + s for s in range(until_s) if wanted(START + s))


def test_every_misfortune_shows_in_the_first_ten_minutes_and_most_devices_are_well() -> None:
    met: set[Misfortune] = set()
    for spec in fleet():
        device = Device(spec, 1, START)
        for t in range(int(START), int(START) + 600):
            if device.condition(t) is not Condition.ANSWERS or device.broken_spell(t) is not None:
                met.add(spec.misfortune)
    assert met == {Misfortune.GOES_DARK, Misfortune.BREAKS_JSON, Misfortune.REBOOTS}
    assert [spec.misfortune for spec in fleet()].count(Misfortune.NONE) == 10
    assert [spec.misfortune for spec in fleet(140)].count(Misfortune.ANSWERS_SLOWLY) == 10


def test_the_dark_device_says_nothing_and_comes_back() -> None:
    with running(device_named(DARK_ONE)) as (device,):
        accepted = device.info()["sharesAccepted"]
        device.clock.time = when(device.device, lambda t: device.device.condition(t) is Condition.SILENT)
        with pytest.raises(requests.ReadTimeout):
            requests.get(device.url("/api/system/info"), timeout=0.5)
        device.clock.time += 200
        assert device.info()["sharesAccepted"] > accepted


def test_the_slow_device_takes_1500_to_4000_ms() -> None:
    with running(device_named(SLOW_ONE)) as (device,):
        for _ in range(10):
            assert device.info()["boardVersion"] == "401"
    assert len(device.clock.slept) == 10
    assert all(1.5 <= seconds <= 4.0 for seconds in device.clock.slept)
    assert len(set(device.clock.slept)) == 10


def test_broken_json_comes_in_spells() -> None:
    with running(device_named(BREAKING_ONE)) as (device,):
        assert device.call("summary")
        device.clock.time = when(device.device, lambda t: device.device.broken_spell(t) is not None)
        first = _broken_reply(device)
        device.clock.time += 60
        assert device.call("summary")
        device.clock.time = when(device.device, lambda t: device.device.broken_spell(t) == 1)
        second = _broken_reply(device)
    assert not first.endswith(b"}")
    assert second.endswith(b"}")


def _broken_reply(device: Running) -> bytes:
    reply = device.raw(b'{"command": "summary"}')
    assert reply.endswith(b"\0")
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply[:-1])
    return reply[:-1]


def test_axeos_breaks_its_json_too() -> None:
    with running(replace(device_named("gamma-1"), misfortune=Misfortune.BREAKS_JSON)) as (device,):
        device.clock.time = when(device.device, lambda t: device.device.broken_spell(t) is not None)
        response = device.get("/api/system/info")
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_the_rebooting_devices_counters_fall() -> None:
    with running(device_named("nerdqaxe-2")) as (device,):
        before = device.info()
        device.clock.time = when(device.device, lambda t: device.device.condition(t) is Condition.BOOTING)
        with pytest.raises(requests.ConnectionError):
            device.info()
        device.clock.time += 60
        after = device.info()
    assert after["sharesAccepted"] < before["sharesAccepted"]
    assert after["uptimeSeconds"] < 60


def test_orders_reach_a_device_that_is_slow_or_breaks_its_json() -> None:
    with running(device_named(SLOW_ONE), device_named(BREAKING_ONE)) as (slow, breaking):
        assert slow.patch({"frequency": 400}).status_code == 200
        assert slow.info()["frequency"] == 400
        slow.clock.time = when(breaking.device, lambda t: breaking.device.broken_spell(t) is not None)
        breaking.raw(b'{"command": "ascset", "parameter": "0,workmode,set,0"}')
        slow.clock.time += 120
        assert "WORKMODE[0]" in json.dumps(breaking.call("litestats"))


@settings(deadline=None)
@given(
    st.integers(), st.sampled_from([DARK, BROKEN]), st.lists(st.floats(0, 50_000), min_size=1, max_size=30)
)
def test_spells_do_not_depend_on_how_they_are_asked(seed: int, rhythm: Rhythm, moments: list[float]) -> None:
    one, other = (Spells(stream(seed), rhythm, START) for _ in range(2))
    shuffled = [one.at(START + moment) for moment in moments]
    ordered = {moment: other.at(START + moment) for moment in sorted(moments)}
    assert shuffled == [ordered[moment] for moment in moments]


@settings(deadline=None)
@given(st.integers(), st.sampled_from([DARK, BROKEN]))
def test_spells_keep_their_rhythm(seed: int, rhythm: Rhythm) -> None:
    begins = list(itertools.islice(Spells(stream(seed), rhythm, START).begins(), 6))
    spells = Spells(stream(seed), rhythm, START)
    assert rhythm.first[0] <= begins[0] - START <= rhythm.first[1]
    for number, (begin, following) in enumerate(itertools.pairwise(begins)):
        assert spells.at(begin) == number
        assert spells.at(begin + rhythm.length[0] * 0.99) == number
        assert spells.at(begin + rhythm.length[1] + 1) is None
        assert rhythm.gap[0] <= following - begin - rhythm.length[0]


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=9), st.integers() | st.text(max_size=9), min_size=2, max_size=9
    ),
    st.integers(0, 9),
)
def test_what_is_spoilt_is_different(value: dict[str, object], spell: int) -> None:
    text = json.dumps(value).encode()
    assert spoil(text, spell) != text
    if spell % 2 == 0:
        with pytest.raises(ValueError, match=r"."):
            json.loads(spoil(text, spell))
