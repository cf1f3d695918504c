"""Read one miner now, without database."""

import json
import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from hmm.lib.commands import HmmCommand, argument, fail
from hmm.lib.probe_options import add_probe_options
from hmm.lib.units import UNKNOWN, format_hashrate, j_per_th
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.drivers.base import parse_address

KEYS = (
    "driver", "model", "firmware", "hashrate_ghs", "power_w", "temperature_c", "fan_rpm", "accepted", "rejected",
    "uptime_s", "pool_url", "pool_user", "mode", "warnings",
)  # fmt: skip


class Command(HmmCommand):
    help = "Read one miner now and show what it says; without --driver every protocol is tried."
    example = "manage.py probe 192.168.1.20 --json"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "address",
            metavar="ADDRESS[:PORT]",
            type=argument(parse_address),
            help="host name or IP address, IPv6 in brackets",
        )
        parser.add_argument("--driver", metavar="NAME", help="ask in this protocol only")
        add_probe_options(parser, what="the whole read", timeout_s=5.0)

    def handle(self, *args: Any, address: Address, driver: str | None, **options: Any) -> None:
        if driver is not None and driver not in drivers:
            fail(f"no driver is called {driver!r}; there are: {', '.join(drivers.names())}")
        try:
            reading = _read(address, driver, options["timeout"])
        except DriverError as error:
            fail(f"{address}: {error.reason}")
        self.stdout.write(as_json(reading) if options["json"] else as_table(reading))


def _read(address: Address, driver: str | None, timeout_s: float) -> Reading:
    if driver is None:
        return detect(address, timeout_s)
    return drivers[driver].read(address, time.monotonic() + timeout_s)


def as_json(reading: Reading) -> str:
    """Return the reading as one JSON object, null for what the miner does not say."""
    told = asdict(reading)
    return json.dumps({key: told[key] for key in KEYS}, ensure_ascii=False, indent=2)


def as_table(reading: Reading) -> str:
    """Return the reading as lines of a name and a value."""
    efficiency = j_per_th(reading.power_w, reading.hashrate_ghs)
    lines = [
        ("driver", reading.driver),
        ("model", reading.model),
        ("firmware", reading.firmware),
        ("hashrate", format_hashrate(reading.hashrate_ghs)),
        ("power", _with_unit(reading.power_w, "W")),
        ("efficiency", _with_unit(efficiency, "J/TH")),
        ("temperature", _with_unit(reading.temperature_c, "°C")),
        ("fan", _with_unit(reading.fan_rpm, "rpm")),
        ("accepted", reading.accepted),
        ("rejected", reading.rejected),
        ("uptime", _with_unit(reading.uptime_s, "s")),
        ("pool", reading.pool_url),
        ("pool user", reading.pool_user),
        ("mode", reading.mode),
        *(("warning", warning) for warning in reading.warnings),
    ]
    return "\n".join(f"{name:<12} {UNKNOWN if value is None else value}" for name, value in lines)


def _with_unit(value: float | None, unit: str) -> str | None:
    return (
        None
        if value is None
        else f"{value:,.0f} {unit}"
        if isinstance(value, int)
        else f"{value:,.1f} {unit}"
    )
