"""Avalon Nano 3S and Avalon Q: the commands of their cgminer API, without sockets."""

from collections.abc import Callable

from miners.simulator.avalon_orders import Orders
from miners.simulator.avalon_records import AvalonLook, devices, pools, statistics, summary, version
from miners.simulator.axeos_fields import NETWORK_DIFFICULTY
from miners.simulator.cgminer import (
    INVALID_COMMAND,
    BadRequest,
    Call,
    Reply,
    encode_json,
    encode_text,
    is_json,
    parse,
)
from miners.simulator.fleet import DeviceSpec
from miners.simulator.hardware import NANO_3S
from miners.simulator.machine import Machine

_INVALID = Reply("E", INVALID_COMMAND, "Invalid command")


class Avalon:
    """One device's API."""

    def __init__(self, machine: Machine, spec: DeviceSpec, mac: str) -> None:
        self.machine = machine
        self.spec = spec
        self.mac = mac
        self.orders = Orders(machine)
        self.plain_text = spec.hardware is not NANO_3S
        self._reports: dict[str, Callable[[AvalonLook], Reply]] = {
            "version": lambda look: Reply("S", 22, "CGMiner versions", "VERSION", [version(look)]),
            "summary": lambda look: Reply("S", 11, "Summary", "SUMMARY", [summary(look)]),
            "devs": lambda look: Reply("S", 9, "1 ASC(s)", "DEVS", [devices(look)]),
            "pools": lambda look: Reply("S", 7, f"{len(look.machine.pools)} Pool(s)", "POOLS", pools(look)),
            "stats": lambda look: Reply("S", 70, "CGMiner stats", "STATS", statistics(look, whole=True)),
            "estats": lambda look: Reply("S", 70, "CGMiner stats", "STATS", statistics(look, whole=True)),
            "litestats": lambda look: Reply("S", 70, "CGMiner stats", "STATS", statistics(look, whole=False)),
            "config": lambda look: Reply("S", 33, "CGMiner config", "CONFIG", [_config(look)]),
            "coin": lambda look: Reply("S", 78, "CGMiner coin", "COIN", [_coin(look)]),
        }

    def handle(self, raw: bytes, t: float) -> bytes:
        """Answer the request `raw` at `t`."""
        when = self._when(t)
        try:
            calls = parse(raw)
        except BadRequest as error:
            return encode_json([Call("")], [error.reply], when)
        if is_json(raw):
            return encode_json(calls, [self._answer(call, t) for call in calls], when)
        return encode_text(self._answer(calls[0], t) if self.plain_text else _INVALID, when)

    def _answer(self, call: Call, t: float) -> Reply:
        report = self._reports.get(call.command)
        if report is not None:
            return report(self._look(t))
        return self.orders.obey(call, t) or _INVALID

    def _look(self, t: float) -> AvalonLook:
        return AvalonLook(
            t=t,
            spec=self.spec,
            machine=self.machine,
            sample=self.machine.sample(t),
            counters=self.machine.counters(t),
            mac=self.mac,
            off_since=self.orders.off_since(),
        )

    def _when(self, t: float) -> int:
        """The Q says the time of day, the Nano seconds since boot."""
        return int(t) if self.plain_text else self.machine.uptime_s(t)


def _config(look: AvalonLook) -> dict[str, object]:
    return {
        "ASC Count": 1,
        "PGA Count": 0,
        "Pool Count": len(look.machine.pools),
        "Strategy": "Failover",
        "Log Interval": 5,
        "Device Code": "AVALON",
        "OS": "Linux",
        "Hotplug": "None",
    }


def _coin(look: AvalonLook) -> dict[str, object]:
    return {
        "Hash Method": "sha256",
        "Current Block Time": round(look.t % 600.0, 6),
        "Current Block Hash": f"{'0' * 19}{int(look.t // 600) * 0x9E3779B97F4A7C15 % 2**180:045x}",
        "LP": True,
        "Network Difficulty": float(NETWORK_DIFFICULTY),
    }
