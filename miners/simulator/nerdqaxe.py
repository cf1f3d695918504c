"""NerdQAxe++: AxeOS's URLs with fields of its own, firmware v1.0.34 (flat) and v1.0.36 (nested `stratum`)."""

from typing import Any

from miners.simulator.axeos import AxeOs, Handler
from miners.simulator.axeos_fields import BOARDS, Look, number, pool_latency_ms, suffixed, wifi_rssi
from miners.simulator.http import Response, as_json, text

_NESTED_STRATUM = (1, 0, 36)


class NerdQAxe(AxeOs):
    """One device's HTTP API."""

    def _routes(self) -> dict[tuple[str, str], Handler]:
        return {
            **super()._routes(),
            ("GET", "/api/system/info"): lambda _, t: as_json(info_fields(self.look(t))),
            ("POST", "/api/system/shutdown"): self._shut_down,
        }

    def _shut_down(self, _: bytes, t: float) -> Response:
        """Stop hashing until the next restart."""
        self.machine.order(t, paused=True)
        return text("System will shutdown shortly.")


def info_fields(look: Look) -> dict[str, Any]:
    """Return `/api/system/info`."""
    return {**_board(look), **_hashing(look), **_settings(look), **_stratum(look), **_system(look)}


def _board(look: Look) -> dict[str, Any]:
    sample = look.sample
    board = BOARDS[look.spec.model]
    return {
        "asicCount": look.spec.hardware.chips,
        "smallCoreCount": look.spec.hardware.cores_per_chip,
        "ASICModel": look.spec.hardware.chip,
        "deviceModel": board.name,
        "power": number(sample.power_w, 3),
        "maxPower": board.max_power_w,
        "minPower": 50,
        "voltage": number(sample.supply_mv, 2),
        "maxVoltage": 13,
        "minVoltage": 11,
        "current": number(sample.current_ma, 3),
        "temp": number(sample.temperature_c, 3),
        "vrTemp": number(sample.regulator_c, 1),
        "fanspeed": number(sample.fan_percent, 0),
        "fanrpm": sample.fan_rpm,
    }


def _hashing(look: Look) -> dict[str, Any]:
    machine, t = look.machine, look.t
    return {
        "hashRateTimestamp": machine.uptime_s(t) * 1000,
        "hashRate": number(look.sample.hashrate_ghs, 3),
        "hashRate_1m": number(machine.average_ghs(t, 60), 3),
        "hashRate_10m": number(machine.average_ghs(t, 600), 3),
        "hashRate_1h": number(machine.average_ghs(t, 3600), 3),
        "hashRate_1d": number(machine.average_ghs(t, 86_400), 3),
        "bestDiff": suffixed(look.counters.best_ever),
        "bestSessionDiff": suffixed(look.counters.best_session),
        "sharesAccepted": look.counters.accepted,
        "sharesRejected": look.counters.rejected,
        "duplicateHWNonces": 0,
        "foundBlocks": 0,
        "totalFoundBlocks": 0,
    }


def _settings(look: Look) -> dict[str, Any]:
    settings = look.sample.settings
    board = BOARDS[look.spec.model]
    return {
        "coreVoltage": number(settings.core_voltage_mv),
        "defaultCoreVoltage": board.default_voltage_mv,
        "coreVoltageActual": int(look.sample.core_voltage_mv),
        "frequency": number(settings.frequency_mhz),
        "defaultFrequency": board.default_frequency_mhz,
        "autofanspeed": 2 if settings.fan_percent is None else 0,
        "overheat_temp": 70,
        "pidTargetTemp": 55,
        "pidP": 6,
        "pidI": 0.1,
        "pidD": 10,
        "jobInterval": 1200,
        "flipscreen": False,
        "invertscreen": False,
        "autoscreenoff": False,
        "invertfanpolarity": False,
    }


def _stratum(look: Look) -> dict[str, Any]:
    primary, fallback = look.machine.pools_after_boot[:2]
    urls = {
        "stratumURL": primary.url,
        "stratumPort": primary.port,
        "stratumUser": primary.user,
        "stratumEnonceSubscribe": False,
        "fallbackStratumURL": fallback.url,
        "fallbackStratumPort": fallback.port,
        "fallbackStratumUser": fallback.user,
        "fallbackStratumEnonceSubscribe": False,
        "stratumDifficulty": 1000,
        "poolDifficulty": look.spec.hardware.pool_difficulty,
        "lastpingrtt": number(pool_latency_ms(look), 3),
        "recentpingloss": 0,
    }
    if look.version < _NESTED_STRATUM:
        return {**urls, "isUsingFallbackStratum": False, "isStratumConnected": True}
    return {**urls, "isStratumConnected": True, "stratum": _nested(look)}


def _nested(look: Look) -> dict[str, Any]:
    pool = {
        "connected": True,
        "poolDifficulty": look.spec.hardware.pool_difficulty,
        "poolDiffErr": False,
        "accepted": look.counters.accepted,
        "rejected": look.counters.rejected,
        "pingRtt": number(pool_latency_ms(look), 3),
        "pingLoss": 0,
        "bestDiff": int(look.counters.best_session),
    }
    return {"poolMode": 0, "activePoolMode": 0, "usingFallback": False, "pools": [pool]}


def _system(look: Look) -> dict[str, Any]:
    up_s = look.machine.uptime_s(look.t)
    return {
        "hostip": "127.0.0.1",
        "macAddr": look.mac.upper(),
        "hostname": look.hostname,
        "ssid": "home",
        "wifiStatus": "Connected!",
        "wifiRSSI": wifi_rssi(look),
        "freeHeap": 8_100_000 - up_s % 40_000,
        "freeHeapInt": 120_000 - up_s % 4_000,
        "lastResetReason": "software reset",
        "runningPartition": "ota_0",
        "uptimeSeconds": up_s,
        "version": look.spec.firmware,
        "defaultTheme": "cosmic",
        "otp": False,
        **({"shutdown": look.sample.settings.paused} if look.version >= _NESTED_STRATUM else {}),
    }
