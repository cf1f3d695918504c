"""The metric families of single miners: pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from hmm.lib.units import j_per_th
from metrics.exports.scrape.read import Device
from metrics.query.conditions import Condition, MinerNow, condition_of, is_known
from miners.telemetry.read import Latest

HASHES_PER_GIGAHASH = 1e9
WHO = ("miner", "miner_id")

STATES = {
    Condition.HASHING: "online",
    Condition.NOT_HASHING: "offline",
    Condition.UNREACHABLE: "unreachable",
    Condition.SILENT: "silent",
    Condition.MAINTENANCE: "maintenance",
    Condition.NEW: "new",
    Condition.UNPOLLED: "unpolled",
}
"""Each condition as the value of a label."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that a miner's last reading says, while that reading still says how the miner is."""

    name: str
    help: str
    unit: str
    of: Callable[[MinerNow, Latest], float | None]
    is_counter: bool = False


FIGURES = (
    Figure(
        "hmm_miner_hashrate_hashes_per_second",
        "Hashrate by the last reading; absent while nothing is known.",
        "hashes_per_second",
        lambda miner, reading: hashes(miner.hashrate_ghs),
    ),
    Figure(
        "hmm_miner_power_watts",
        "Power by the last reading; absent while nothing is known.",
        "watts",
        lambda miner, reading: miner.power_w,
    ),
    Figure(
        "hmm_miner_temperature_celsius",
        "Temperature by the last reading; absent while nothing is known.",
        "celsius",
        lambda miner, reading: miner.temperature_c,
    ),
    Figure(
        "hmm_miner_efficiency_joules_per_terahash",
        "Energy for a terahash by the last reading; lower is better.",
        "joules_per_terahash",
        lambda miner, reading: j_per_th(miner.power_w, miner.hashrate_ghs),
    ),
    Figure(
        "hmm_miner_fan_speed_rpm",
        "Revolutions of the fan a minute.",
        "rpm",
        lambda miner, reading: reading.fan_rpm,
    ),
    Figure(
        "hmm_miner_uptime_seconds",
        "How long the device says it has been running.",
        "seconds",
        lambda miner, reading: reading.uptime_s,
    ),
    Figure(
        "hmm_miner_shares_accepted",
        "Accepted shares by the device's own counter, which begins anew when the device does.",
        "",
        lambda miner, reading: reading.accepted_counter,
        is_counter=True,
    ),
    Figure(
        "hmm_miner_shares_rejected",
        "Rejected shares by the device's own counter, which begins anew when the device does.",
        "",
        lambda miner, reading: reading.rejected_counter,
        is_counter=True,
    ),
)


def miner_families(devices: Sequence[Device], now: datetime) -> Iterator[Metric]:
    """Yield the families of all miners at `now`."""
    yield _info(devices)
    yield _states(devices, now)
    yield _ages(devices, now)
    known = [device for device in devices if is_known(device.miner, now)]
    for figure in FIGURES:
        yield _family(figure, known)


def state_of(device: Device, now: datetime) -> str:
    """Return the state of a miner at `now`, one of STATES."""
    return STATES[condition_of(device.miner, now)]


def hashes(hashrate_ghs: float | None) -> float | None:
    """Return a hashrate in hashes per second."""
    return None if hashrate_ghs is None else hashrate_ghs * HASHES_PER_GIGAHASH


def _who(device: Device) -> tuple[str, str]:
    return (device.miner.name, str(device.miner.id))


def _info(devices: Sequence[Device]) -> Metric:
    family = InfoMetricFamily("hmm_miner", "What a miner is, and where.", labels=WHO)
    for device in devices:
        family.add_metric(
            _who(device),
            {
                "site": device.site,
                "model": device.miner.model or "",
                "firmware": device.reading.firmware if device.reading else "",
            },
        )
    return family


def _states(devices: Sequence[Device], now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "hmm_miner_state",
        "1 for the state that the miner is in, 0 for the others. "
        "silent: nothing has asked it lately; unpolled: nothing is to ask it.",
        labels=(*WHO, "state"),
    )
    for device in devices:
        its = state_of(device, now)
        for state in STATES.values():
            family.add_metric((*_who(device), state), float(state == its))
    return family


def _ages(devices: Sequence[Device], now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "hmm_miner_reading_age_seconds",
        "How old the last reading is, whatever the miner's state.",
        labels=WHO,
        unit="seconds",
    )
    for device in devices:
        if device.miner.reading_at is not None:
            family.add_metric(_who(device), (now - device.miner.reading_at).total_seconds())
    return family


def _family(figure: Figure, known: Sequence[Device]) -> Metric:
    kind = CounterMetricFamily if figure.is_counter else GaugeMetricFamily
    family = kind(figure.name, figure.help, labels=WHO, unit=figure.unit)
    for device in known:
        value = figure.of(device.miner, device.reading) if device.reading else None
        if value is not None:
            family.add_metric(_who(device), value)
    return family
