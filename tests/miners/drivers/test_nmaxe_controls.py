"""Orders to NMAxe: what it offers once it is asked, what is sent, and what comes back."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from miners.drivers.base import Address
from miners.drivers.nmaxe_controls import CHOICES, NmaxeControls
from miners.drivers.orders import About, CannotBuild, Kind, Order, Range
from tests.miners.drivers.order_servers import ordered_device
from tests.miners.drivers.servers import http_reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NMAXE = NmaxeControls()
ALWAYS = {Kind.RESTART, Kind.POOL, Kind.IDENTIFY}
POOL = {"url": "stratum+tcp://pool.example:3333", "user": "me"}
SETTINGS = {
    "overclock": {"options": [{"name": "600MHz", "value": 600}, {"name": "500MHz", "value": "500"}, {"value": None}]},
    "vcore": {"options": [{"name": "1100mV", "value": 1100}, {"name": "1250mV", "value": 1250}]},
}  # fmt: skip


def asked(told: dict[str, Any], about: About = About("NMAxe")) -> About:  # noqa: B008 - frozen
    replies = {f"GET {path}": http_reply(json.dumps(body).encode()) for path, body in told.items()}
    with ordered_device(replies) as device:
        return NMAXE.ask(Address("127.0.0.1", device.port), about, time.monotonic() + 30)


def test_it_offers_what_it_lists_and_a_pause_where_it_tells_of_one() -> None:
    about = asked({"/api/system/info": {"miner": {"paused": False}}, "/api/setting/mining": SETTINGS})
    offers = NMAXE.offers(about)
    assert set(offers.kinds) == ALWAYS | {Kind.PAUSE, Kind.RESUME, Kind.FREQUENCY}
    assert offers.frequency_mhz == Range(500, 600, CHOICES)
    assert offers.core_voltage_mv == Range(1100, 1250, CHOICES)
    assert not offers.note


@pytest.mark.parametrize("listed", [{}, [], {"overclock": {"options": "600"}, "vcore": {"options": [7]}}])
def test_what_it_does_not_list_is_not_offered(listed: Any) -> None:
    about = asked({"/api/system/info": {"miner": {"hashRate": 1}}, "/api/setting/mining": listed})
    assert set(NMAXE.offers(about).kinds) == ALWAYS
    assert "pausing" in NMAXE.offers(about).note


def test_the_users_range_goes_first_and_the_mode_stands_for_one_that_was_not_asked() -> None:
    own = Range(400, 450, "set for it")
    assert asked({"/api/setting/mining": SETTINGS}, About(frequency_mhz=own)).frequency_mhz == own
    assert Kind.PAUSE in NMAXE.offers(About("NMAxe", mode="normal")).kinds
    assert Kind.PAUSE not in NMAXE.offers(About("NMAxe")).kinds


def shown(kind: Kind, arguments: dict[str, Any], secrets: dict[str, str] | None = None) -> list[str]:
    return [str(step) for step in NMAXE.steps(Order(kind, arguments, secrets or {}), About(), NOW)]


@pytest.mark.parametrize(
    ("kind", "arguments", "sent"),
    [
        (Kind.RESTART, {}, ["POST /api/system/restart"]),
        (Kind.PAUSE, {}, ['PATCH /api/mining/state {"paused": true}']),
        (Kind.RESUME, {}, ['PATCH /api/mining/state {"paused": false}']),
        (Kind.IDENTIFY, {"light": "on"}, ["POST /api/swarm/find {}"]),
        (
            Kind.FREQUENCY,
            {"frequency_mhz": 525, "core_voltage_mv": 1150},
            ['PATCH /api/setting/mining {"asicFreqReq": 525, "asicVcoreReq": 1150}'],
        ),
        (
            Kind.POOL,
            {"slot": "fallback", **POOL},
            [f'PATCH /api/setting/mining {{"stratum": {{"fallback": {json.dumps(POOL)}}}}}'],
        ),
        (
            Kind.POOL,
            {"slot": "primary", **POOL},
            [
                f'PATCH /api/setting/mining {{"stratum": {{"primary": {json.dumps(POOL)}}}}}',
                "POST /api/system/restart",
            ],
        ),
    ],
)
def test_an_order_is_these_requests(kind: Kind, arguments: dict[str, Any], sent: list[str]) -> None:
    assert shown(kind, arguments) == sent


def test_a_password_goes_along_where_it_is_given() -> None:
    assert '"pwd": "hunter2"' in shown(Kind.POOL, {"slot": "primary", **POOL}, {"pool": "hunter2"})[0]


def test_its_display_cannot_be_told_to_stop() -> None:
    with pytest.raises(CannotBuild, match="touched"):
        shown(Kind.IDENTIFY, {"light": "off"})


def test_a_refusal_is_told_in_its_words() -> None:
    busy = http_reply(b'{"status":"error","message":"benchmark is running"}', "409 Conflict")
    with ordered_device({"PATCH /api/mining/state": busy}) as device:
        (step,) = NMAXE.steps(Order(Kind.PAUSE), About(), NOW)
        answer = NMAXE.send(Address("127.0.0.1", device.port), step, time.monotonic() + 30)
    assert (answer.is_taken, answer.words) == (False, "HTTP 409 (Conflict): benchmark is running")


def test_an_nmminer_offers_what_its_own_firmware_takes() -> None:
    offers = NMAXE.offers(About("NMMiner", mode="normal"))
    assert set(offers.kinds) == ALWAYS
    assert "no pause" in offers.note


@pytest.mark.parametrize(
    ("kind", "arguments", "sent"),
    [
        (Kind.RESTART, {}, ["POST /api/system/restart {}"]),
        (
            Kind.POOL,
            {"slot": "primary", **POOL},
            [
                f'POST /api/setting/mining {{"PrimaryPool": "{POOL["url"]}", "PrimaryAddress": "me", "PrimaryPassword": "x"}}',
                "POST /api/system/restart {}",
            ],
        ),
        (
            Kind.POOL,
            {"slot": "fallback", **POOL},
            [
                f'POST /api/setting/mining {{"SecondaryPool": "{POOL["url"]}", "SecondaryAddress": "me", "SecondaryPassword": "x"}}'
            ],
        ),
    ],
)
def test_an_nmminer_is_told_in_its_own_words(kind: Kind, arguments: dict[str, Any], sent: list[str]) -> None:
    steps = NMAXE.steps(Order(kind, arguments, {"pool": "x"}), About("NMMiner"), NOW)
    assert [str(step) for step in steps] == sent
