"""The fields AxeOS serves, by firmware version: which there are, and as which JSON type."""

from dataclasses import dataclass
from typing import Any

from miners.simulator.fleet import DeviceSpec
from miners.simulator.hardware import GAMMA, NERDQAXE, SUPRA
from miners.simulator.machine import Machine, Sample
from miners.simulator.noise import drift
from miners.simulator.shares import Counters

_BLOCK_HEIGHT_AT = (880_000, 1_737_800_000)
_BLOCK_EVERY_S = 600
NETWORK_DIFFICULTY = 126_000_000_000_000


@dataclass(frozen=True)
class Board:
    """What `/api/system/asic` says of a board."""

    name: str
    version: str
    colour: str
    max_power_w: int
    supply_v: int
    frequencies_mhz: tuple[int, ...]
    voltages_mv: tuple[int, ...]
    default_frequency_mhz: int
    default_voltage_mv: int


BOARDS = {
    GAMMA.model: Board(
        "Gamma",
        "601",
        "green",
        40,
        5,
        (400, 490, 525, 550, 600, 625),
        (1000, 1060, 1100, 1150, 1200, 1250),
        525,
        1150,
    ),
    SUPRA.model: Board(
        "Supra",
        "401",
        "blue",
        40,
        5,
        (400, 425, 450, 475, 490, 500, 525, 575),
        (1100, 1150, 1166, 1200, 1250),
        490,
        1166,
    ),
    NERDQAXE.model: Board(
        "NerdQAxe++",
        "",
        "#11d51e",
        100,
        12,
        (500, 525, 550, 575, 590, 600),
        (1100, 1120, 1140, 1150, 1160),
        600,
        1150,
    ),
}


@dataclass(frozen=True)
class Look:
    """Everything there is to tell about a device at `t`."""

    t: float
    spec: DeviceSpec
    machine: Machine
    sample: Sample
    counters: Counters
    hostname: str
    mac: str
    version: tuple[int, ...]


_ADDED: dict[tuple[int, int], list[str]] = {
    (2, 10): ["minFanSpeed", "temp2"],
    (2, 11): [
        *("blockFound", "blockHeight", "networkDifficulty", "scriptsig", "poolAddrFamily", "ipv4", "ipv6"),
        *(
            "errorPercentage",
            "hashrateMonitor",
            "fan2rpm",
            "manualFanSpeed",
            "freeHeapInternal",
            "freeHeapSpiram",
        ),
    ],
    (2, 12): ["hashRate_1m", "hashRate_10m", "hashRate_1h", "resetReason"],
    (2, 13): [
        *("coinbaseValueTotalSatoshis", "coinbaseValueUserSatoshis", "showNewBlock", "poolConnectionInfo"),
        *("stratumTLS", "stratumCert", "stratumDecodeCoinbase"),
        *("fallbackStratumTLS", "fallbackStratumCert", "fallbackStratumDecodeCoinbase"),
    ],
    (2, 14): [
        *("actualFrequency", "cpuUsage", "miningPaused", "processTime", "responseShareBatch", "statsLimit"),
        *("stratumProtocol", "fallbackStratumProtocol"),
    ],
}
_SINCE = {name: version for version, names in _ADDED.items() for name in names}
_UNTIL: dict[str, tuple[int, int]] = {"poolAddrFamily": (2, 12)}


def info_fields(look: Look) -> dict[str, Any]:
    """Return `/api/system/info` as firmware `look.version` serves it."""
    version = look.version[:2]
    every = {
        **_power(look),
        **_hashing(look),
        **_system(look),
        **_stratum(look),
        **_shares(look),
        **_cooling(look),
    }
    return {
        name: value
        for name, value in every.items()
        if _SINCE.get(name, version) <= version <= _UNTIL.get(name, version)
    }


def asic_fields(spec: DeviceSpec) -> dict[str, Any]:
    """Return `/api/system/asic`."""
    board = BOARDS[spec.model]
    return {
        "ASICModel": spec.hardware.chip,
        "deviceModel": board.name,
        "swarmColor": board.colour,
        "asicCount": spec.hardware.chips,
        "defaultFrequency": board.default_frequency_mhz,
        "frequencyOptions": list(board.frequencies_mhz),
        "defaultVoltage": board.default_voltage_mv,
        "voltageOptions": list(board.voltages_mv),
    }


def number(value: float, digits: int = 2) -> float | int:
    """Return `value` rounded, and without a fraction when it has none, as cJSON prints it."""
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded


def suffixed(value: float) -> str:
    """Return a difficulty as old firmware prints it: three digits and a letter, such as "4.29G"."""
    for size, suffix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f}{suffix}"
    return f"{value:.0f}"


def pool_latency_ms(look: Look) -> float:
    """Return how long the pool takes to answer, in ms."""
    return 34.0 + 12.0 * drift(len(look.mac) + look.machine.hardware.chips, look.t, 300.0)


def wifi_rssi(look: Look) -> int:
    """Return the strength of the Wi-Fi signal in dBm."""
    return -52 - sum(look.mac.encode()) % 17 + round(3 * drift(sum(look.mac.encode()), look.t, 120.0))


def _power(look: Look) -> dict[str, Any]:
    sample = look.sample
    board = BOARDS[look.spec.model]
    return {
        "power": number(sample.power_w),
        "voltage": number(sample.supply_mv),
        "current": number(sample.current_ma),
        "temp": number(sample.temperature_c, 3),
        "temp2": -1,
        "vrTemp": number(sample.regulator_c, 0),
        "maxPower": board.max_power_w,
        "nominalVoltage": board.supply_v,
        "coreVoltage": number(sample.settings.core_voltage_mv),
        "coreVoltageActual": number(sample.core_voltage_mv, 0),
        "frequency": number(sample.settings.frequency_mhz),
        "actualFrequency": 0 if sample.settings.paused else number(sample.settings.frequency_mhz),
        "overclockEnabled": 0,
    }


def _hashing(look: Look) -> dict[str, Any]:
    sample, machine, t = look.sample, look.machine, look.t
    expected_ghs = machine.hardware.expected_ghs(sample.settings.frequency_mhz)
    total = number(sample.hashrate_ghs, 4)
    asic = {"total": total, "domains": [number(sample.hashrate_ghs / 4, 4)] * 4, "errorCount": 0}
    return {
        "hashRate": total,
        "hashRate_1m": number(machine.average_ghs(t, 60), 4),
        "hashRate_10m": number(machine.average_ghs(t, 600), 4),
        "hashRate_1h": number(machine.average_ghs(t, 3600), 4),
        "expectedHashrate": number(expected_ghs),
        "errorPercentage": number(sample.error_percent, 4),
        "hashrateMonitor": {"asics": [asic], "hashrate": total, "errorCount": 0},
        "miningPaused": sample.settings.paused,
    }


def _system(look: Look) -> dict[str, Any]:
    return {
        "freeHeap": 8_200_000 - look.machine.uptime_s(look.t) % 40_000,
        "freeHeapInternal": 190_000 - look.machine.uptime_s(look.t) % 4_000,
        "freeHeapSpiram": 8_010_000 - look.machine.uptime_s(look.t) % 36_000,
        "isPSRAMAvailable": 1,
        "hostname": look.hostname,
        "macAddr": look.mac.upper(),
        "ssid": "home",
        "ipv4": "127.0.0.1",
        "ipv6": "",
        "wifiStatus": "Connected!",
        "wifiRSSI": wifi_rssi(look),
        "apEnabled": 0,
        "uptimeSeconds": look.machine.uptime_s(look.t),
        "smallCoreCount": look.spec.hardware.cores_per_chip,
        "ASICModel": look.spec.hardware.chip,
        "boardVersion": BOARDS[look.spec.model].version,
        "version": look.spec.firmware,
        "axeOSVersion": look.spec.firmware,
        "idfVersion": "v5.5.1" if look.version >= (2, 11) else "v5.4.1",
        "resetReason": "Software reset via esp_restart",
        "runningPartition": "ota_0",
        "cpuUsage": number(11.0 + 3.0 * drift(7, look.t, 30.0)),
        "display": "SSD1306 (128x32)",
        "rotation": 0,
        "invertscreen": 0,
        "displayTimeout": -1,
        "statsFrequency": 30,
        "statsLimit": 720,
    }


def _stratum(look: Look) -> dict[str, Any]:
    primary, fallback = look.machine.pools_after_boot[:2]
    flag = bool if look.version >= (2, 14) else int
    common: dict[str, Any] = {}
    for prefix, pool in (("stratum", primary), ("fallbackStratum", fallback)):
        common |= {
            f"{prefix}URL": pool.url,
            f"{prefix}Port": pool.port,
            f"{prefix}User": pool.user,
            f"{prefix}SuggestedDifficulty": 1000,
            f"{prefix}ExtranonceSubscribe": flag(0),
            f"{prefix}TLS": 0,
            f"{prefix}Cert": "",
            f"{prefix}DecodeCoinbase": flag(1),
            f"{prefix}Protocol": "SV1",
        }
    return {
        **common,
        "poolDifficulty": look.spec.hardware.pool_difficulty,
        "responseTime": number(pool_latency_ms(look), 1 if look.version >= (2, 13) else 0),
        "responseShareBatch": 1,
        "processTime": number(pool_latency_ms(look) / 90.0),
        "isUsingFallbackStratum": 0,
        "poolAddrFamily": 2,
        "poolConnectionInfo": "IPv4",
        **_chain(look),
    }


def _chain(look: Look) -> dict[str, Any]:
    height, since = _BLOCK_HEIGHT_AT
    return {
        "blockHeight": height + int(look.t - since) // _BLOCK_EVERY_S,
        "scriptsig": "..simulated pool..",
        "networkDifficulty": NETWORK_DIFFICULTY,
        "blockFound": 0,
        "showNewBlock": False,
        "coinbaseValueTotalSatoshis": 314_000_000,
        "coinbaseValueUserSatoshis": 0,
    }


def _shares(look: Look) -> dict[str, Any]:
    counters = look.counters
    best = (lambda value: int(value)) if look.version >= (2, 11) else suffixed
    reasons = [{"message": "Above target", "count": counters.rejected}] if counters.rejected else []
    return {
        "sharesAccepted": counters.accepted,
        "sharesRejected": counters.rejected,
        "sharesRejectedReasons": reasons,
        "bestDiff": best(counters.best_ever),
        "bestSessionDiff": best(counters.best_session),
    }


def _cooling(look: Look) -> dict[str, Any]:
    sample = look.sample
    fan_percent = number(sample.fan_percent, 2 if look.version[:2] in ((2, 12), (2, 13)) else 0)
    return {
        "autofanspeed": int(sample.settings.fan_percent is None),
        "fanspeed": fan_percent,
        "manualFanSpeed": number(
            100.0 if sample.settings.fan_percent is None else sample.settings.fan_percent, 0
        ),
        "minFanSpeed": int(look.spec.hardware.fan_floor_percent),
        "fanrpm": sample.fan_rpm,
        "fan2rpm": 0,
        "temptarget": 60,
        "overheat_mode": 0,
    }
