"""AxeOS as Bitaxes speak it, firmware v2.9 to v2.14: orders and answers, without sockets."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from miners.simulator.axeos_fields import Look, asic_fields, info_fields
from miners.simulator.fleet import DeviceSpec
from miners.simulator.http import Request, Response, as_json, redirect, text
from miners.simulator.machine import Machine

_STATISTICS = 60
_STATISTICS_EVERY_S = 30.0

Handler = Callable[[bytes, float], Response]


@dataclass(frozen=True)
class Limits:
    """Which orders make sense; outside is answered 400."""

    frequency_mhz: tuple[float, float] = (50, 1000)
    core_voltage_mv: tuple[float, float] = (900, 1400)


class AxeOs:
    """One device's HTTP API."""

    limits = Limits()

    def __init__(self, machine: Machine, spec: DeviceSpec, mac: str) -> None:
        self.machine = machine
        self.spec = spec
        self.mac = mac
        self.hostname = spec.name
        self.version = tuple(int(part) for part in spec.firmware.lstrip("v").split("."))
        self.routes: dict[tuple[str, str], Handler] = self._routes()

    def handle(self, request: Request, t: float) -> Response:
        """Answer `request` at `t`."""
        handler = self.routes.get((request.method, request.path))
        if handler is not None:
            return handler(request.body, t)
        if request.method == "GET":
            return self._page(request.path)
        return text("Request method for this URI is not handled by server", 405)

    def look(self, t: float) -> Look:
        """Return everything there is to tell at `t`."""
        return Look(
            t=t,
            spec=self.spec,
            machine=self.machine,
            sample=self.machine.sample(t),
            counters=self.machine.counters(t),
            hostname=self.hostname,
            mac=self.mac,
            version=self.version,
        )

    def _routes(self) -> dict[tuple[str, str], Handler]:
        routes: dict[tuple[str, str], Handler] = {
            ("GET", "/api/system/info"): lambda _, t: as_json(info_fields(self.look(t))),
            ("GET", "/api/system/asic"): lambda _, t: as_json(asic_fields(self.spec)),
            ("GET", "/api/system/statistics"): lambda _, t: as_json(self._statistics(t)),
            ("PATCH", "/api/system"): self._patch,
            ("POST", "/api/system/restart"): self._restart,
        }
        if self.version >= (2, 12):
            routes["POST", "/api/system/identify"] = lambda _, t: text('The device says "Hi!"')
        if self.version >= (2, 14):
            routes["POST", "/api/system/pause"] = lambda _, t: self._pause(t, True)
            routes["POST", "/api/system/resume"] = lambda _, t: self._pause(t, False)
        return routes

    def _page(self, path: str) -> Response:
        if path == "/":
            return text(f"<!doctype html><html><head><title>{self.spec.model}</title></head></html>")
        return redirect("/")

    def _pause(self, t: float, paused: bool) -> Response:
        if self.machine.settings.paused != paused:
            self.machine.order(t, paused=paused)
        return as_json({"message": "Mining paused" if paused else "Mining resumed"})

    def _restart(self, _: bytes, t: float) -> Response:
        self.machine.reboot(t)
        return text("System will restart shortly.")

    def _patch(self, body: bytes, t: float) -> Response:
        try:
            orders = json.loads(body)
        except (ValueError, RecursionError):
            return text("Invalid JSON", 400)
        if not isinstance(orders, dict) or not all(self._is_valid(name, orders[name]) for name in orders):
            return text("Wrong API input", 400)
        self._obey(orders, t)
        return text("")

    def _is_valid(self, name: str, value: Any) -> bool:
        check = _CHECKS.get(name)
        return check is None or check(value, self.limits)

    def _obey(self, orders: dict[str, Any], t: float) -> None:
        changes = settings_changes(orders)
        if changes:
            self.machine.order(t, **changes)
        self.hostname = orders.get("hostname", self.hostname)
        primary, *others = self.machine.pools_after_boot
        self.machine.pools_after_boot = [
            replace(primary, **_pool_changes(orders, "stratum")),
            *(replace(pool, **_pool_changes(orders, "fallbackStratum")) for pool in others),
        ]

    def _statistics(self, t: float) -> dict[str, Any]:
        """Rows of the last half hour, oldest first, times in ms since boot."""
        up_s = self.machine.uptime_s(t)
        count = min(_STATISTICS, int(up_s / _STATISTICS_EVERY_S))
        ages = [age * _STATISTICS_EVERY_S for age in range(count - 1, -1, -1)]
        return {
            "currentTimestamp": up_s * 1000,
            "labels": ["hashrate", "asicTemp", "vrTemp", "power", "fanSpeed", "fanRpm", "timestamp"],
            "statistics": [[*self._statistic(t - age), int((up_s - age) * 1000)] for age in ages],
        }

    def _statistic(self, t: float) -> list[float]:
        sample = self.machine.sample(t)
        readings = (
            sample.hashrate_ghs,
            sample.temperature_c,
            sample.regulator_c,
            sample.power_w,
            sample.fan_percent,
        )
        return [*(round(reading, 2) for reading in readings), sample.fan_rpm]


def settings_changes(orders: dict[str, Any]) -> dict[str, Any]:
    """Return the changes to `Settings` in a PATCH that has been found valid."""
    changes: dict[str, Any] = {}
    if "frequency" in orders:
        changes["frequency_mhz"] = float(orders["frequency"])
    if "coreVoltage" in orders:
        changes["core_voltage_mv"] = float(orders["coreVoltage"])
    manual = orders.get("manualFanSpeed", orders.get("fanspeed"))
    if manual is not None:
        changes["fan_percent"] = float(manual)
    if orders.get("autofanspeed"):
        changes["fan_percent"] = None
    return changes


def _pool_changes(orders: dict[str, Any], prefix: str) -> dict[str, Any]:
    fields = {"url": f"{prefix}URL", "port": f"{prefix}Port", "user": f"{prefix}User"}
    return {ours: orders[theirs] for ours, theirs in fields.items() if theirs in orders}


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: Any, _: Limits) -> bool:
    return isinstance(value, str) and 0 < len(value) < 256


def _is_switch(value: Any, _: Limits) -> bool:
    return value in (0, 1, 2)


def _is_percent(value: Any, _: Limits) -> bool:
    return _is_number(value, 0, 100)


def _is_port(value: Any, _: Limits) -> bool:
    return isinstance(value, int) and _is_number(value, 1, 65535)


_CHECKS: dict[str, Callable[[Any, Limits], bool]] = {
    "frequency": lambda value, limits: _is_number(value, *limits.frequency_mhz),
    "coreVoltage": lambda value, limits: _is_number(value, *limits.core_voltage_mv),
    "fanspeed": _is_percent,
    "manualFanSpeed": _is_percent,
    "autofanspeed": _is_switch,
    "hostname": _is_text,
    "stratumURL": _is_text,
    "stratumUser": _is_text,
    "stratumPassword": lambda value, _: isinstance(value, str),
    "stratumPort": _is_port,
    "fallbackStratumURL": _is_text,
    "fallbackStratumUser": _is_text,
    "fallbackStratumPort": _is_port,
}
