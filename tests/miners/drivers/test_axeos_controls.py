"""Orders to AxeOS and the NerdQAxe family: what each firmware offers, what is sent, and what comes back."""

import json
import time
from datetime import UTC, datetime

import pytest

from miners.drivers.axeos_controls import AxeosControls, version_of
from miners.drivers.base import Address, Unreachable
from miners.drivers.http_orders import HttpStep, answer_of, send_http
from miners.drivers.orders import About, CannotBuild, Kind, Order, Range, controls
from tests.miners.drivers.order_servers import deaf_device, ordered_device
from tests.miners.drivers.servers import closed_port, http_reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AXEOS = AxeosControls("axeos")
ALWAYS = {Kind.RESTART, Kind.POOL, Kind.FREQUENCY}
POOL = {"slot": "primary", "url": "stratum+tcp://pool.example:3333", "user": "me"}


def offered(model: str, firmware: str) -> set[Kind]:
    return set(AXEOS.offers(About(model, firmware)).kinds)


@pytest.mark.parametrize(
    ("model", "firmware", "more"),
    [
        ("Bitaxe Gamma 601", "v2.4.5", set()),
        ("Bitaxe Gamma 601", "v2.11.0", set()),
        ("Bitaxe Gamma 601", "v2.12.2", {Kind.IDENTIFY}),
        ("Bitaxe Gamma 601", "v2.14.0", {Kind.IDENTIFY, Kind.PAUSE, Kind.RESUME}),
        ("Bitaxe Gamma 601", "v2.15.0-rc1-3-gabc", {Kind.IDENTIFY, Kind.PAUSE, Kind.RESUME}),
        ("Bitaxe Gamma 601", "unknown", set()),
        ("NerdQAxe++", "v1.0.34", set()),
        ("NerdQAxe++", "v1.0.36", {Kind.PAUSE, Kind.RESUME}),
        ("Q1370", "v1.0.37", {Kind.PAUSE, Kind.RESUME}),
    ],
)
def test_what_a_firmware_offers(model: str, firmware: str, more: set[Kind]) -> None:
    assert offered(model, firmware) == ALWAYS | more


@pytest.mark.parametrize(
    ("told", "pauses"),
    [({"miningPaused": False}, True), ({"shutdown": False}, True), ({"frequency": 525}, False)],
)
def test_a_device_that_tells_of_pausing_can_whatever_its_version(
    told: dict[str, object], pauses: bool
) -> None:
    with ordered_device({"GET /api/system/info": http_reply(json.dumps(told).encode())}) as device:
        about = AXEOS.ask(
            Address("127.0.0.1", device.port), About("Bitaxe Gamma 601", "9a2bf58"), time.monotonic() + 30
        )
    assert (Kind.PAUSE in AXEOS.offers(about).kinds) == pauses


def test_where_it_cannot_be_asked_its_version_counts() -> None:
    with ordered_device({}) as device:
        about = AXEOS.ask(
            Address("127.0.0.1", device.port), About("Bitaxe Gamma 601", "v2.14.0"), time.monotonic() + 30
        )
    assert Kind.PAUSE in AXEOS.offers(about).kinds


def test_a_firmware_that_cannot_pause_says_what_else_there_is() -> None:
    assert "lower its frequency" in AXEOS.offers(About("Bitaxe Ultra 204", "v2.4.5")).note


def test_both_drivers_of_the_family_have_these_controls() -> None:
    assert {controls[name].name for name in ("axeos", "nerdqaxe")} == {"axeos", "nerdqaxe"}


@pytest.mark.parametrize(
    ("model", "frequency", "voltage"),
    [
        ("Bitaxe Max 102", (400, 600), (1100, 1500)),
        ("Bitaxe Ultra 204", (400, 575), (1100, 1300)),
        ("Bitaxe Hex 302", (400, 575), (1100, 1300)),
        ("Bitaxe Supra 401", (400, 575), (1100, 1300)),
        ("Bitaxe Supra Hex 701", (400, 575), (1100, 1300)),
        ("Bitaxe Gamma 601", (400, 625), (1000, 1250)),
        ("Bitaxe Gamma Turbo 801", (400, 625), (1000, 1250)),
        ("GammaTurbo", (400, 625), (1000, 1250)),
        ("Bitaxe Gamma Duo 650", (350, 410), (1000, 1250)),
        ("NerdQAxe+", (400, 575), (1100, 1350)),
        ("NerdQAxe++", (500, 600), (1120, 1200)),
        ("NerdOCTAXE-γ", (500, 600), (1120, 1200)),
        ("NerdOCTAXE+", (400, 575), (1100, 1350)),
        ("NerdHaxe-γ", (500, 600), (1120, 1200)),
        ("Q1370", (500, 600), (1120, 1200)),
        ("NerdQX", None, None),
        ("NMAxe", None, None),
        ("NerdAxe", (400, 575), (1100, 1300)),
        ("NerdAxe Gamma", (500, 575), (1120, 1200)),
        ("AxeOS BM9999 999", None, None),
    ],
)
def test_the_safe_range_is_that_of_the_model(model: str, frequency: object, voltage: object) -> None:
    offers = AXEOS.offers(About(model, "v2.14.0"))
    told = [
        allowed and (allowed.least, allowed.most)
        for allowed in (offers.frequency_mhz, offers.core_voltage_mv)
    ]
    assert told == [frequency, voltage]
    assert (Kind.FREQUENCY in offers.kinds) == (frequency is not None)


def test_a_range_that_the_user_has_set_goes_first() -> None:
    mine = Range(200, 700, "set for NerdOCTAXE+")
    offers = AXEOS.offers(About("NerdOCTAXE+", "v1.0.36", frequency_mhz=mine))
    assert offers.frequency_mhz == mine
    assert Kind.FREQUENCY in offers.kinds


def sent(order: Order, model: str = "Bitaxe Gamma 601", firmware: str = "v2.14.0") -> list[str]:
    about = About(model, firmware, options=frozenset())
    return [str(step) for step in AXEOS.steps(order, about, NOW)]


def test_what_is_sent() -> None:
    assert sent(Order(Kind.RESTART)) == ["POST /api/system/restart"]
    assert sent(Order(Kind.PAUSE)) == ["POST /api/system/pause"]
    assert sent(Order(Kind.RESUME)) == ["POST /api/system/resume"]
    assert sent(Order(Kind.IDENTIFY, {"light": "on"})) == ["POST /api/system/identify"]
    settings = Order(Kind.FREQUENCY, {"frequency_mhz": 525, "core_voltage_mv": 1100})
    assert sent(settings) == ['PATCH /api/system {"frequency": 525, "coreVoltage": 1100}']


@pytest.mark.parametrize(("firmware", "restarts"), [("v2.0.4", True), ("v2.1.10", True), ("v2.2.0", False)])
def test_a_clock_counts_from_a_restart_on_where_the_firmware_sets_it_when_it_starts(
    firmware: str, restarts: bool
) -> None:
    settings = Order(Kind.FREQUENCY, {"frequency_mhz": 525})
    asked = ['PATCH /api/system {"frequency": 525}', "POST /api/system/restart"]
    assert sent(settings, "Bitaxe Ultra 204", firmware) == asked[: 1 + restarts]
    assert AXEOS.offers(About("Bitaxe Ultra 204", firmware)).restarts_to_set == restarts


@pytest.mark.parametrize("firmware", ["2.0", "v2.0.0", "v2.0.3"])
def test_firmware_that_falls_over_at_a_single_setting_is_sent_none(firmware: str) -> None:
    offers = AXEOS.offers(About("Bitaxe Max 102", firmware))
    assert offers.kinds == {Kind.RESTART}
    assert "update its firmware to v2.0.4" in offers.note


@pytest.mark.parametrize(("model", "firmware"), [("NerdQAxe+", "v1.0.20"), ("LV08", "1.1.0")])
def test_forks_count_their_versions_for_themselves(model: str, firmware: str) -> None:
    offers = AXEOS.offers(About(model, firmware))
    assert Kind.POOL in offers.kinds
    assert not offers.restarts_to_set


def test_a_nerdqaxe_is_paused_by_its_shutdown_and_resumed_by_a_restart() -> None:
    assert sent(Order(Kind.PAUSE), "NerdQAxe++", "v1.0.36") == ["POST /api/system/shutdown"]
    assert sent(Order(Kind.RESUME), "NerdQAxe++", "v1.0.36") == ["POST /api/system/restart"]


def test_the_primary_pool_needs_a_restart_and_the_fallback_none() -> None:
    assert sent(Order(Kind.POOL, POOL), firmware="v2.12.0") == [
        'PATCH /api/system {"stratumURL": "pool.example", "stratumPort": 3333, "stratumUser": "me"}',
        "POST /api/system/restart",
    ]
    assert sent(Order(Kind.POOL, POOL | {"slot": "fallback"}), firmware="v2.12.0") == [
        'PATCH /api/system {"fallbackStratumURL": "pool.example", "fallbackStratumPort": 3333, '
        '"fallbackStratumUser": "me"}'
    ]


@pytest.mark.parametrize(
    ("model", "firmware", "off"),
    [
        ("Bitaxe Gamma 601", "v2.13.0", ', "stratumTLS": 0}'),
        ("NerdQAxe++", "v1.0.36", ', "stratumTLS": false}'),
        ("NerdQAxe++", "v1.0.34", "}"),
    ],
)
def test_where_the_pool_before_may_have_wanted_tls_it_is_turned_off(
    model: str, firmware: str, off: str
) -> None:
    first = sent(Order(Kind.POOL, POOL), model, firmware)[0]
    assert first.endswith(f'"stratumUser": "me"{off}')
    fallback = sent(Order(Kind.POOL, POOL | {"slot": "fallback"}), model, firmware)[0]
    assert fallback.endswith(f'"fallbackStratumUser": "me"{off.replace("stratumTLS", "fallbackStratumTLS")}')


@pytest.mark.parametrize(
    ("model", "firmware", "told", "off"),
    [
        (
            "Bitaxe Gamma 601",
            "v2.14.0",
            "SV2",
            ', "fallbackStratumTLS": 0, "fallbackStratumProtocol": "SV1"}',
        ),
        ("NerdQAxe++", "v1.0.37", 1, ', "fallbackStratumTLS": false, "fallbackStratumProtocol": 0}'),
        ("Bitaxe Gamma 601", "v2.14.0", None, ', "fallbackStratumTLS": 0}'),
    ],
)
def test_a_plain_pool_is_not_left_on_stratum_v2(model: str, firmware: str, told: object, off: str) -> None:
    info = json.dumps({"stratumProtocol": "SV1", "fallbackStratumProtocol": told}).encode()
    with ordered_device({"GET /api/system/info": http_reply(info)}) as device:
        about = AXEOS.ask(Address("127.0.0.1", device.port), About(model, firmware), time.monotonic() + 30)
    (patch,) = AXEOS.steps(Order(Kind.POOL, POOL | {"slot": "fallback"}), about, NOW)
    assert str(patch).endswith(f'"fallbackStratumUser": "me"{off}')


def test_from_v2_15_on_pools_are_numbered() -> None:
    assert sent(Order(Kind.POOL, POOL), firmware="v2.15.0") == [
        'PUT /api/system/pools/0 {"stratumURL": "pool.example", "stratumPort": 3333, "stratumUser": "me"}',
        'PATCH /api/system {"primaryPoolIndex": 0}',
        "POST /api/system/restart",
    ]


@pytest.mark.parametrize(
    ("told", "slot", "number"),
    [
        ({"primaryPoolIndex": 2, "secondaryPoolIndex": 0}, "primary", 2),
        ({"primaryPoolIndex": 2, "secondaryPoolIndex": 0}, "fallback", 0),
        ({"primaryPoolIndex": 1, "secondaryPoolIndex": 1}, "fallback", 0),
        ({"primaryPoolIndex": 0, "secondaryPoolIndex": 0}, "fallback", 1),
        ({"primaryPoolIndex": "2"}, "primary", 0),
        ({"primaryPoolIndex": -1}, "primary", 0),
    ],
)
def test_a_pool_takes_the_place_of_the_one_before_it_and_of_no_other(
    told: dict[str, object], slot: str, number: int
) -> None:
    with ordered_device({"GET /api/system/info": http_reply(json.dumps(told).encode())}) as device:
        about = AXEOS.ask(
            Address("127.0.0.1", device.port), About("Bitaxe Gamma 601", "v2.15.0"), time.monotonic() + 30
        )
    put, patch, *_ = AXEOS.steps(Order(Kind.POOL, POOL | {"slot": slot}), about, NOW)
    key = "primaryPoolIndex" if slot == "primary" else "secondaryPoolIndex"
    assert str(put).startswith(f"PUT /api/system/pools/{number} ")
    assert str(patch) == f'PATCH /api/system {{"{key}": {number}}}'


def test_a_pool_of_the_list_is_not_overwritten_where_nobody_knows_which_is_in_use() -> None:
    with ordered_device({"GET /api/system/info": http_reply(b'{"primaryPoolIndex": 2, "secon')}) as device:
        about = AXEOS.ask(
            Address("127.0.0.1", device.port), About("Bitaxe Gamma 601", "v2.15.0"), time.monotonic() + 30
        )
    with pytest.raises(CannotBuild, match="which pools of its list"):
        AXEOS.steps(Order(Kind.POOL, POOL), about, NOW)


def test_a_password_is_sent_and_not_shown() -> None:
    order = Order(Kind.POOL, POOL, {"pool": "hunter2"})
    assert '"stratumPassword": "hunter2"' in sent(order)[0]
    assert "hunter2" not in "".join(sent(order.masked()))


def test_a_light_that_goes_out_by_itself_is_not_put_out() -> None:
    with pytest.raises(CannotBuild, match="by itself"):
        sent(Order(Kind.IDENTIFY, {"light": "off"}))


def test_versions() -> None:
    assert version_of("v2.14.0-3-gabc") == (2, 14, 0)
    assert version_of("2.9") == (2, 9)
    assert version_of("dirty") == ()


@pytest.mark.parametrize(
    ("status", "body", "is_taken", "words"),
    [
        (200, b'{"message": "Mining paused"}', True, "HTTP 200: Mining paused"),
        (200, b"System will restart shortly.", True, "HTTP 200: System will restart shortly."),
        (200, b"", True, "HTTP 200"),
        (200, b'{"message": 5}', True, 'HTTP 200: {"message": 5}'),
        (200, b"<!doctype html><html>", False, "HTTP 200: a page in HTML"),
        (404, b"<html>", False, "HTTP 404 (why): a page in HTML"),
        (302, b"", False, "redirects to /: this firmware does not know that order"),
        (400, b"Wrong API input", False, "HTTP 400 (why): Wrong API input"),
        (401, b"OTP/Session required", False, "HTTP 401 (why): OTP/Session required"),
        (500, b"", False, "HTTP 500 (why)"),
    ],
)
def test_what_an_answer_says(status: int, body: bytes, is_taken: bool, words: str) -> None:
    answer = answer_of(status, "why", "/", body)
    assert answer.is_taken is is_taken
    assert answer.words.startswith(words)


def exchange(port: int, timeout_s: float = 30.0):
    step = HttpStep("PATCH", "/api/system", {"frequency": 525})
    return send_http(Address("127.0.0.1", port), step, time.monotonic() + timeout_s)


def test_an_order_goes_over_the_wire_once() -> None:
    with ordered_device({"PATCH /api/system": http_reply(b"")}) as device:
        assert exchange(device.port).is_taken
    assert device.asked == ['PATCH /api/system {"frequency": 525}']
    assert json.loads(device.asked[0].split(" ", 2)[2]) == {"frequency": 525}


def test_where_nobody_listens_nothing_was_sent() -> None:
    with pytest.raises(Unreachable, match="refused"):
        exchange(closed_port())


def test_an_order_without_an_answer_is_of_unknown_outcome_and_not_sent_again() -> None:
    with deaf_device() as device:
        answer = exchange(device.port, timeout_s=0.5)
        assert answer.is_taken is None
        assert "no answer within" in answer.words
        assert len(device.asked) == 1


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n"])
def test_an_answer_cut_off_or_garbled_is_of_unknown_outcome(reply: bytes) -> None:
    with ordered_device({"PATCH /api/system": reply}) as device:
        assert exchange(device.port).is_taken is None
        assert len(device.asked) == 1


def test_a_status_that_came_whole_counts_even_if_the_words_after_it_did_not() -> None:
    with ordered_device({"PATCH /api/system": http_reply(b"{", length=10)}) as device:
        assert exchange(device.port).is_taken


def test_an_nmaxe_that_answers_like_axeos_takes_a_restart_and_pools_by_its_own_names() -> None:
    told = {"ASICModel": "BM1366", "stratumURL1": "stratum+tcp://first.example:3333", "overheat_mode": 0}
    with ordered_device({"GET /api/system/info": http_reply(json.dumps(told).encode())}) as device:
        mine = Range(400, 600, "set for NMAxe")
        asked = About("NMAxe", "v2.9.10", frequency_mhz=mine)
        about = AXEOS.ask(Address("127.0.0.1", device.port), asked, time.monotonic() + 30)
    assert AXEOS.offers(about).kinds == {Kind.RESTART, Kind.POOL}
    assert AXEOS.offers(About("NMAxe", "v2.2.11")).kinds == {Kind.RESTART}
    order = Order(Kind.POOL, POOL | {"slot": "fallback"}, {"pool": "x"})
    (step,) = AXEOS.steps(order, about, NOW)
    assert step.body == {
        "stratumURL2": "stratum+tcp://pool.example:3333",
        "stratumUser2": "me",
        "stratumPassword2": "x",
    }
    assert len(AXEOS.steps(Order(Kind.POOL, POOL), about, NOW)) == 2
