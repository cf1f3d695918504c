"""What readings say of an order: borne out, not yet, or otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.control.verdict import DEADLINES, LASTING, Ordered, bare_pool, judge
from miners.drivers import Reading
from miners.drivers.orders import Kind

SENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
POOL = "stratum+tcp://pool.example:3333"
EXPECTED: dict[Kind, dict[str, Any]] = {
    Kind.MODE: {"mode": "eco"},
    Kind.FREQUENCY: {
        "frequency_mhz": 400,
        "core_voltage_mv": 1100,
        "hashrate_ghs": 800.0,
        "hashrate_before_ghs": 1200.0,
    },
    Kind.POWER: {"power_w": 3_000},
    Kind.POOL: {"pool_url": POOL},
}
UP = {"uptime_s": 20}


def ordered(kind: Kind, *, is_confirmed: bool = False) -> Ordered:
    return Ordered(kind, EXPECTED.get(kind, {}), SENT, is_confirmed)


def after(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def said(at: float, **says: Any) -> tuple[datetime, Reading]:
    return after(at), Reading("x", **says)


BORNE_OUT = [
    (Kind.POWER, {"power_w": 3_140.0, "hashrate_ghs": 90_000.0}),
    (Kind.RESTART, {"uptime_s": 20}),
    (Kind.PAUSE, {"hashrate_ghs": 0.0}),
    (Kind.PAUSE, {"mode": "paused"}),
    (Kind.RESUME, {"hashrate_ghs": 5.0}),
    (Kind.MODE, {"mode": "eco"}),
    (Kind.FREQUENCY, {"frequency_mhz": 400.0, "core_voltage_mv": 1100.0}),
    (Kind.FREQUENCY, {"frequency_mhz": 400.9, "core_voltage_mv": 1104.0}),
    (Kind.FREQUENCY, {"core_voltage_mv": 1100.0, "hashrate_ghs": 790.0}),
    (Kind.POOL, {"pool_url": "pool.example:3333", "uptime_s": 20}),
    (Kind.POOL, {"pool_url": POOL}),
]
OTHERWISE = [
    (Kind.RESTART, {"uptime_s": 90_000}, "up for 90000 s"),
    (Kind.PAUSE, {"hashrate_ghs": 1200.0, "mode": "normal"}, "hashes 1.20 TH/s, mode normal"),
    (Kind.PAUSE, {"hashrate_ghs": 1200.0, "mode": "paused"}, "hashes 1.20 TH/s"),
    (Kind.RESUME, {"hashrate_ghs": 0.0}, "hashrate 0"),
    (Kind.MODE, {"mode": "super"}, "mode super"),
    (Kind.FREQUENCY, {"frequency_mhz": 600.0, "core_voltage_mv": 1100.0}, "600 MHz and 1100 mV"),
    (Kind.FREQUENCY, {"frequency_mhz": 400.0, "core_voltage_mv": 1200.0}, "400 MHz and 1200 mV"),
    (Kind.FREQUENCY, {"hashrate_ghs": 1190.0}, "hashes 1.19 TH/s, expected 800 GH/s"),
    (
        Kind.POOL,
        {"pool_url": "stratum+tcp://old.example:3333", "uptime_s": 20},
        "pool stratum+tcp://old.example:3333",
    ),
    (Kind.POWER, {"power_w": 3_400.0, "hashrate_ghs": 90_000.0}, "takes 3,400 W"),
    (Kind.POOL, {"pool_url": POOL, "uptime_s": 90_000}, "is set, and it has not been restarted"),
]
CANNOT_TELL = [
    (Kind.POWER, {"power_w": 12.0, "hashrate_ghs": 0.0}),
    (Kind.RESTART, {"hashrate_ghs": 5.0}),
    (Kind.PAUSE, {"temperature_c": 40.0}),
    (Kind.RESUME, {"temperature_c": 40.0}),
    (Kind.MODE, {"hashrate_ghs": 5.0}),
    (Kind.MODE, {"mode": "idle"}),
    (Kind.FREQUENCY, {"temperature_c": 40.0}),
    (Kind.POOL, {"hashrate_ghs": 5.0}),
]


@pytest.mark.parametrize(("kind", "says"), BORNE_OUT)
def test_a_reading_that_shows_it_confirms_at_its_time(kind: Kind, says: dict[str, Any]) -> None:
    verdict = judge(ordered(kind), [said(30, **says)], after(31))
    assert verdict is not None
    assert (verdict.status, verdict.at) == ("confirmed", after(30))
    assert verdict.evidence.startswith("the reading of 2026-03-01 12:00:30 UTC: ")


@pytest.mark.parametrize(("kind", "says", "words"), OTHERWISE)
def test_a_reading_that_shows_otherwise_is_waited_out_and_then_a_drift(
    kind: Kind, says: dict[str, Any], words: str
) -> None:
    readings = [said(30, **says)]
    assert judge(ordered(kind), readings, after(31)) is None
    verdict = judge(ordered(kind), readings, SENT + DEADLINES[kind])
    assert verdict is not None
    assert verdict.status == "drifted"
    assert words in verdict.evidence


@pytest.mark.parametrize(("kind", "says"), CANNOT_TELL)
def test_what_no_reading_tells_cannot_be_verified(kind: Kind, says: dict[str, Any]) -> None:
    readings = [said(30, **says)]
    assert judge(ordered(kind), readings, after(31)) is None
    verdict = judge(ordered(kind), readings, SENT + DEADLINES[kind])
    assert verdict is not None
    assert verdict.status == "unverifiable"


def test_a_clock_that_is_told_before_it_counts_is_confirmed_by_a_reading_since_the_restart() -> None:
    later = Ordered(Kind.FREQUENCY, {"frequency_mhz": 400, "restarted": True}, SENT)
    told = said(30, frequency_mhz=400.0, uptime_s=90_000)
    assert judge(later, [told], after(31)) is None
    verdict = judge(later, [told], SENT + DEADLINES[Kind.FREQUENCY])
    assert verdict is not None
    assert (verdict.status, "it has not been restarted" in verdict.evidence) == ("drifted", True)
    verdict = judge(later, [told, said(60, frequency_mhz=400.0, **UP)], after(61))
    assert verdict is not None
    assert verdict.status == "confirmed"


@pytest.mark.parametrize("scheme", ["stratum+ssl", "stratum+tls", "ssl"])
def test_a_plain_pool_spoken_to_through_tls_is_not_the_one_that_was_ordered(scheme: str) -> None:
    told = said(30, pool_url=POOL.replace("stratum+tcp", scheme), **UP)
    assert judge(ordered(Kind.POOL), [told], after(31)) is None
    verdict = judge(ordered(Kind.POOL), [told], SENT + DEADLINES[Kind.POOL])
    assert verdict is not None
    assert verdict.status == "drifted"


def test_where_readings_tell_the_pool_in_use_no_restart_is_waited_for() -> None:
    expected = {"pool_url": POOL, "in_use": True}
    verdict = judge(Ordered(Kind.POOL, expected, SENT), [said(30, pool_url=POOL, uptime_s=90_000)], after(31))
    assert verdict is not None
    assert verdict.status == "confirmed"


@pytest.mark.parametrize("kind", DEADLINES)
def test_silence_confirms_nothing(kind: Kind) -> None:
    assert judge(ordered(kind), [], SENT + DEADLINES[kind] - timedelta(seconds=1)) is None
    verdict = judge(ordered(kind), [], SENT + DEADLINES[kind], "connection refused")
    assert verdict is not None
    assert verdict.status == "drifted"
    assert verdict.evidence.endswith("minutes: connection refused")


@pytest.mark.parametrize(("kind", "says"), BORNE_OUT)
def test_a_reading_from_before_the_order_says_nothing_of_it(kind: Kind, says: dict[str, Any]) -> None:
    assert judge(ordered(kind), [said(0, **says), said(-5, **says)], after(60)) is None


# A pool that was confirmed was restarted for then, and may have been up for long since.
DRIFTS = [each for each in OTHERWISE if each[0] in LASTING and "restarted" not in each[2]]
STANDS = [each for each in [*BORNE_OUT, *CANNOT_TELL] if each[0] in LASTING]


@pytest.mark.parametrize(("kind", "says", "words"), DRIFTS)
def test_what_was_confirmed_drifts_when_a_later_reading_says_otherwise(
    kind: Kind, says: dict[str, Any], words: str
) -> None:
    verdict = judge(ordered(kind, is_confirmed=True), [said(90, **says), said(120, **says)], after(121))
    assert verdict is not None
    assert (verdict.status, verdict.at) == ("drifted", after(90))
    assert words in verdict.evidence


@pytest.mark.parametrize(("kind", "says"), STANDS)
def test_what_was_confirmed_stands_otherwise(kind: Kind, says: dict[str, Any]) -> None:
    later = SENT + timedelta(days=9)
    assert judge(ordered(kind, is_confirmed=True), [(later, Reading("x", **says))], later) is None
    assert judge(ordered(kind, is_confirmed=True), [], later) is None


def test_a_pool_that_was_confirmed_stands_however_long_it_is_up() -> None:
    verdict = judge(
        ordered(Kind.POOL, is_confirmed=True), [said(9, pool_url=POOL, uptime_s=90_000)], after(9)
    )
    assert verdict is None


def test_a_small_change_is_not_told_by_the_hashrate() -> None:
    small = Ordered(
        Kind.FREQUENCY, {"frequency_mhz": 590, "hashrate_ghs": 1180.0, "hashrate_before_ghs": 1200.0}, SENT
    )
    verdict = judge(small, [said(30, hashrate_ghs=1180.0)], SENT + DEADLINES[Kind.FREQUENCY])
    assert verdict is not None
    assert verdict.status == "unverifiable"


READINGS = st.lists(
    st.builds(
        Reading,
        st.just("x"),
        hashrate_ghs=st.none() | st.floats(0, 1e7),
        uptime_s=st.none() | st.integers(0, 10**6),
        mode=st.none() | st.sampled_from(["eco", "super", "idle", "paused"]),
        pool_url=st.none() | st.sampled_from([POOL, "old.example:1"]),
        frequency_mhz=st.none() | st.floats(1, 5000),
        core_voltage_mv=st.none() | st.floats(1, 5000),
    ),
    max_size=4,
)


@given(kind=st.sampled_from(list(DEADLINES)), readings=READINGS, late_s=st.integers(0, 3600))
def test_an_order_is_decided_by_its_deadline_and_by_a_reading_if_at_all_before(
    kind: Kind, readings: list[Reading], late_s: int
) -> None:
    taken = [(after(10 * (number + 1)), reading) for number, reading in enumerate(readings)]
    early = judge(ordered(kind), taken, after(60))
    late = judge(ordered(kind), taken, SENT + DEADLINES[kind] + timedelta(seconds=late_s))
    assert late is not None
    if early is not None:
        assert early == late
        assert early.status == "confirmed"
        assert early.at in dict(taken)


@given(st.sampled_from(["stratum+tcp://", "stratum+ssl://", "tcp://", ""]), st.sampled_from(["", "/"]))
def test_pools_are_compared_by_host_and_port(scheme: str, end: str) -> None:
    assert bare_pool(f"{scheme}Pool.Example:3333{end}") == "pool.example:3333"
