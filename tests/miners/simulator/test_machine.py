"""The physics: what is read follows what was ordered, and nothing else."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.simulator.device import Device
from miners.simulator.fleet import DeviceSpec, fleet
from miners.simulator.hardware import AVALON_Q, GAMMA, KINDS, NANO_3S, NERDQAXE, SUPRA, Settings
from miners.simulator.machine import Machine, Pool, Relaxation
from tests.miners.simulator.harness import START, device_named

DAY_S = 86_400.0


def machine(hardware=GAMMA, seed=1, name="one", up_s=DAY_S, **settings) -> Machine:
    return Machine(
        hardware,
        Settings(**{**vars(hardware.reference), **settings}),
        seed=seed,
        name=name,
        start=START,
        booted_at=START - up_s,
        pools=[Pool("pool.example", 3333, "worker"), Pool("backup.example", 3333, "worker")],
    )


@pytest.mark.parametrize("spec", fleet(), ids=lambda spec: spec.name)
def test_power_and_efficiency_are_those_of_its_kind(spec: DeviceSpec) -> None:
    sample = Device(spec, 1, START).machine.sample(START)
    assert 13.0 < sample.power_w / sample.hashrate_ghs * 1000.0 < 25.0


@pytest.mark.parametrize(
    ("hardware", "ghs", "watts"),
    [
        (GAMMA, (1150, 1280), (17, 18.2)),
        (SUPRA, (600, 690), (11, 14)),
        (NERDQAXE, (4600, 4950), (76, 80.5)),
        (NANO_3S, (5800, 6150), (136, 144)),
        (AVALON_Q, (87_000, 92_000), (1625, 1720)),
    ],
    ids=lambda value: value.model if hasattr(value, "model") else "",
)
def test_figures_are_believable_at_the_reference(hardware, ghs, watts) -> None:
    for seed in range(5):
        sample = machine(hardware, seed).sample(START)
        assert ghs[0] < sample.hashrate_ghs < ghs[1]
        assert watts[0] < sample.power_w < watts[1]
        assert 40 < sample.temperature_c < 92
        assert 1000 < sample.fan_rpm < 6000


@pytest.mark.parametrize(
    ("mode", "ghs", "watts"),
    [(0, 50_000, 800), (1, 80_000, 1300), (2, 90_000, 1674)],
)
def test_work_modes_of_the_avalon_q(mode: int, ghs: float, watts: float) -> None:
    settings = AVALON_Q.with_mode(AVALON_Q.reference, mode)
    assert AVALON_Q.hashrate_ghs(settings) == pytest.approx(ghs, rel=0.02)
    assert AVALON_Q.steady_power_w(settings) == pytest.approx(watts, rel=0.02)


def test_power_follows_clock_and_volts_squared() -> None:
    def dynamic_w(frequency_mhz: float, core_voltage_mv: float) -> float:
        return GAMMA.steady_power_w(Settings(frequency_mhz, core_voltage_mv)) - GAMMA.idle_power_w

    assert dynamic_w(600, 1150) / dynamic_w(300, 1150) == pytest.approx(2.0)
    assert dynamic_w(600, 1200) / dynamic_w(600, 1000) == pytest.approx(1.44)


def test_a_clock_too_fast_for_its_volts_loses_hashrate() -> None:
    fast = Settings(frequency_mhz=850, core_voltage_mv=1150)
    assert GAMMA.hashrate_ghs(fast) < GAMMA.hashrate_ghs(GAMMA.reference)
    assert GAMMA.error_share(GAMMA.reference) < 0.01 < GAMMA.error_share(fast)


def test_a_lower_clock_takes_hold_with_inertia() -> None:
    gamma = machine()
    before = gamma.sample(START)
    gamma.order(START, frequency_mhz=400)
    at_once, soon, later = (gamma.sample(START + after_s) for after_s in (0.5, 60, 900))
    assert at_once.hashrate_ghs > 0.9 * before.hashrate_ghs
    assert later.hashrate_ghs == pytest.approx(before.hashrate_ghs * 400 / 600, rel=0.1)
    assert later.power_w == pytest.approx(soon.power_w, rel=0.03)
    assert before.temperature_c > soon.temperature_c > later.temperature_c + 0.5
    assert later.fan_percent < before.fan_percent


@pytest.mark.parametrize("hardware", KINDS.values(), ids=lambda hardware: hardware.model)
def test_a_pause_ends_hashing_and_leaves_idle_power(hardware) -> None:
    device = machine(hardware)
    device.order(START, paused=True)
    accepted = device.counters(START + 60).accepted
    idle = device.sample(START + 3600)
    assert idle.hashrate_ghs == 0.0
    assert idle.power_w == pytest.approx(hardware.idle_power_w, rel=0.05)
    assert idle.temperature_c < 31
    assert device.counters(START + 3600).accepted == accepted
    device.order(START + 3600, paused=False)
    assert device.sample(START + 7200).power_w == pytest.approx(hardware.power_w, rel=0.05)


def test_a_fan_at_full_speed_cools() -> None:
    gamma = machine()
    gamma.order(START, fan_percent=100.0)
    assert gamma.sample(START + 900).temperature_c < gamma.sample(START).temperature_c - 4
    assert gamma.sample(START + 900).fan_rpm == pytest.approx(GAMMA.fan_max_rpm, rel=0.02)


def test_temperature_follows_the_day() -> None:
    gamma = machine()
    samples = [gamma.sample(START + hour * 3600.0) for hour in range(72)]
    nights = [s.temperature_c for s, hour in zip(samples, range(72), strict=True) if _utc_hour(hour) == 3]
    afternoons = [
        s.temperature_c for s, hour in zip(samples, range(72), strict=True) if _utc_hour(hour) == 15
    ]
    assert min(afternoons) > max(nights)


def _utc_hour(hour: int) -> int:
    return int((START + hour * 3600.0) % DAY_S // 3600)


def test_hashrate_wanders_little_and_is_correlated() -> None:
    gamma = machine()
    rates = [gamma.sample(START + second).hashrate_ghs for second in range(0, 7200, 2)]
    mean = sum(rates) / len(rates)
    assert all(abs(rate / mean - 1.0) < 0.06 for rate in rates)
    near = sum(abs(a - b) for a, b in itertools.pairwise(rates))
    far = sum(abs(a - b) for a, b in zip(rates, rates[600:], strict=False)) * len(rates) / (len(rates) - 600)
    assert 0 < near < far


def test_averages_come_from_the_work_done() -> None:
    gamma = machine()
    gamma.order(START, paused=True)
    assert gamma.average_ghs(START + 300, 60) == pytest.approx(0.0, abs=0.1)
    half = gamma.average_ghs(START + 1800, 3600)
    assert half == pytest.approx(GAMMA.hashrate_ghs(GAMMA.reference) / 2, rel=0.05)


def test_a_young_device_averages_since_boot() -> None:
    gamma = machine(up_s=30)
    assert gamma.average_ghs(START, 3600) == pytest.approx(gamma.sample(START).hashrate_ghs, rel=0.1)


@pytest.mark.parametrize("hardware", KINDS.values(), ids=lambda hardware: hardware.model)
def test_shares_fit_hashrate_and_difficulty(hardware) -> None:
    device = machine(hardware)
    before = device.counters(START)
    after = device.counters(START + DAY_S)
    found = after.accepted + after.rejected - before.accepted - before.rejected
    expected = hardware.hashrate_ghs(hardware.reference) * DAY_S / hardware.share_interval_gh()
    assert found == pytest.approx(expected, rel=0.06)
    assert 0.001 < (after.rejected - before.rejected) / found < 0.015
    assert after.best_session >= hardware.pool_difficulty


def test_what_was_found_before_the_start_fits_the_uptime() -> None:
    counters = machine(up_s=10 * DAY_S).counters(START)
    expected = GAMMA.hashrate_ghs(GAMMA.reference) * 10 * DAY_S / GAMMA.share_interval_gh()
    assert counters.accepted + counters.rejected == pytest.approx(expected, rel=0.04)


def test_a_reboot_is_dark_then_warms_up_with_counters_at_zero() -> None:
    gamma = machine()
    old = gamma.counters(START)
    gamma.reboot(START)
    assert gamma.is_up(START + 0.5)
    assert not gamma.is_up(START + 10.5)
    assert gamma.is_up(START + 21.5)
    cold, warm = gamma.sample(START + 23), gamma.sample(START + 600)
    assert cold.hashrate_ghs < 0.7 * warm.hashrate_ghs
    assert cold.temperature_c < warm.temperature_c
    new = gamma.counters(START + 120)
    assert new.accepted < 30 < old.accepted
    assert new.best_ever == old.best_ever
    assert new.best_session < old.best_session
    assert gamma.uptime_s(START + 120) <= 110


def test_an_order_for_later_waits() -> None:
    gamma = machine()
    gamma.order_later(START + 100, paused=True)
    assert gamma.sample(START + 99).hashrate_ghs > 1000
    assert gamma.sample(START + 140).hashrate_ghs == 0.0


def test_the_rebooting_device_reboots_every_20_to_40_minutes() -> None:
    device = Device(device_named("nerdqaxe-2"), 1, START)
    boots = []
    for second in range(0, 4 * 3600, 5):
        device.machine.advance(START + second)
        boots.append(device.machine.booted_at)
    times = sorted({boot for boot in boots if boot > START})
    assert 240 < times[0] - START < 450
    assert all(1200 < b - a < 2430 for a, b in itertools.pairwise(times))
    assert len(times) >= 6


@settings(deadline=None)
@given(st.lists(st.floats(0, 5000), min_size=1, max_size=20), st.integers(0, 1000))
def test_how_often_it_is_asked_changes_nothing(moments: list[float], seed: int) -> None:
    busy, idle = machine(seed=seed), machine(seed=seed)
    for moment in sorted(moments):
        busy.sample(START + moment)
        busy.counters(START + moment)
    end = START + max(moments)
    assert busy.sample(end) == idle.sample(end)
    assert busy.counters(end) == idle.counters(end)


def test_the_same_seed_gives_the_same_fleet_and_another_a_different_one() -> None:
    def story(seed: int) -> list[object]:
        devices = [Device(spec, seed, START) for spec in fleet()]
        times = [START + second for second in range(0, 3600, 120)]
        return [
            (d.condition(t), d.broken_spell(t), d.machine.sample(t), d.machine.counters(t))
            for d in devices
            for t in times
        ]

    assert story(1) == story(1)
    assert story(1) != story(2)


@settings(deadline=None)
@given(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0.1, 300), st.floats(0, 5000), st.floats(0, 5000))
def test_relaxed_work_adds_up(
    start: float, target: float, time_constant_s: float, a: float, b: float
) -> None:
    whole = Relaxation(start, target, time_constant_s)
    rest = Relaxation(
        whole.target + (start - target) * 2.718281828459045 ** (-a / time_constant_s), target, time_constant_s
    )
    total = whole.integral(a) + rest.integral(b)
    assert total == pytest.approx(whole.integral(a + b), rel=1e-6, abs=1e-3)
    assert min(start, target) - 1e-6 <= whole.at(a) <= max(start, target) + 1e-6
