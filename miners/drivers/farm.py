"""Farm firmware (Antminer, Whatsminer, Braiins OS, LuxOS, VNish) through the optional package pyasic-rs."""

import asyncio
import importlib
import importlib.util
import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from hmm.lib.sockets import ConnectionFailed, Deadline
from miners.drivers.base import Address, DriverError, Misread, Reading, Unreachable, drivers
from miners.drivers.cgminer_api import DEFAULT_PORT
from miners.drivers.figures import (
    Figures,
    clean_text,
    finite_number,
    mac_address,
    serial_number,
    with_figures,
)
from miners.drivers.http_json import part, rows

PACKAGE = "pyasic_rs"
# Makes and firmwares that have a driver of their own here are read by that.
FIRMWARES = re.compile(r"braiins|luxos|vnish|marathon|stock|antminer|whatsminer|mara", re.IGNORECASE)
MAKES = ("antminer", "whatsminer")
_PER_GHS = {"H/s": 1e9, "KH/s": 1e6, "MH/s": 1e3, "GH/s": 1.0, "TH/s": 1e-3, "PH/s": 1e-6, "EH/s": 1e-9}

Fields = dict[str, Any]


class FarmDriver:
    """Reads what pyasic-rs knows, on the ports that the firmware itself has; needs `make setup-farm`."""

    name = "farm"
    default_port = DEFAULT_PORT
    is_generic = False
    is_passive = False
    has_fixed_ports = True

    @property
    def is_detected(self) -> bool:
        """Whether the package is there: without it only who asks for this driver hears so."""
        return importlib.util.find_spec(PACKAGE) is not None

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        if not self.is_detected:
            raise Misread("farm firmware is read by pyasic-rs, which is not installed: run make setup-farm")
        if address.port not in (None, DEFAULT_PORT):
            raise Misread("pyasic-rs asks the firmware's own ports: leave the port out")
        time_limit = Deadline.until(deadline)
        try:
            return with_figures(reading_of(asyncio.run(_within(address, time_limit))))
        except (ConnectionFailed, TimeoutError) as error:
            raise Unreachable(time_limit.missed().reason) from error
        except DriverError:
            raise
        except Exception as error:  # the package has no exception of its own
            raise Misread(f"pyasic-rs: {error}") from error


def reading_of(data: Fields) -> Reading:
    """Return the reading that pyasic-rs's `MinerData.model_dump()` means.

    It says `is_mining` of a miner that it knows nothing of, so that is never taken for a hashrate.
    """
    figures = Figures()
    device, boards = part(data, "device_info"), rows(data, "hashboards")
    pools = [pool for group in rows(data, "pools") for pool in rows(group, "pools")]
    pool = next((pool for pool in pools if pool.get("active")), {})
    hashrate_ghs = _hashrate_ghs(figures, data.get("hashrate"))
    return Reading(
        driver=FarmDriver.name,
        model=clean_text(f"{device.get('make') or ''} {device.get('model') or ''}", 100),
        firmware=clean_text(f"{device.get('firmware') or ''} {data.get('firmware_version') or ''}", 100),
        hashrate_ghs=hashrate_ghs,
        power_w=figures.power_w(data.get("wattage")),
        temperature_c=_temperature_c(figures, boards, data.get("average_temperature")),
        fan_rpm=figures.fan_rpm(next((fan.get("rpm") for fan in rows(data, "fans")), None)),
        accepted=_shares(figures, "accepted", pools),
        rejected=_shares(figures, "rejected", pools),
        uptime_s=figures.uptime_s(_seconds(data.get("uptime"))),
        pool_url=clean_text(pool.get("url"), 255),
        pool_user=clean_text(pool.get("user"), 255),
        mode=_mode(data, hashrate_ghs),
        identity=mac_address(data.get("mac")),
        serial=serial_number(data.get("serial_number")),
        warnings=tuple(figures.warnings),
    )


async def _within(address: Address, time_limit: Deadline) -> Fields:
    return await asyncio.wait_for(_ask(address, time_limit), time_limit.left())


async def _ask(address: Address, time_limit: Deadline) -> Fields:
    miner = await miner_at(address, time_limit)
    data: Fields = (await miner.get_data()).model_dump()
    # A miner that went dark raises nothing and "is mining": only one that still answers is believed.
    if not await miner.revalidate():
        raise Unreachable("it answered, and then no more")
    return data


async def miner_at(address: Address, time_limit: Deadline) -> Any:
    """Return the package's miner at `address`. Raises Misread where there is none that it knows and we want."""
    seconds = max(1, int(time_limit.left()))
    factory = importlib.import_module(PACKAGE).MinerFactory()
    factory = factory.with_connectivity_timeout_secs(seconds).with_identification_timeout_secs(seconds)
    miner = await factory.get_miner(await _ip_address(address.host))
    if miner is None:
        raise Misread("another device's shape (no firmware that pyasic-rs knows)")
    if miner.make.lower() not in MAKES or not FIRMWARES.search(f"{miner.firmware} {miner.make}"):
        raise Misread(f"another device's shape ({miner.make}, which has a driver of its own)")
    return miner


async def _ip_address(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError as error:
        raise Unreachable("no such host") from error
    return str(found[0][4][0])


def _hashrate_ghs(figures: Figures, told: Any) -> float | None:
    per_ghs = _PER_GHS.get(str(told.get("unit"))) if isinstance(told, dict) else None
    if told is not None and per_ghs is None:
        figures.warnings.append("hashrate left out: its unit is not known")
    return None if per_ghs is None else figures.hashrate_ghs(told.get("value"), per_ghs=per_ghs)


def _temperature_c(figures: Figures, boards: list[Fields], average: Any) -> float | None:
    """Return the hottest board's: of its chips at the outlet, else of the board, else the average."""
    for key in ("outlet_chip_temperature", "board_temperature"):
        told = [figures.temperature_c(board.get(key)) for board in boards if board.get(key)]
        if known := [celsius for celsius in told if celsius is not None]:
            return max(known)
    return figures.temperature_c(average)


def _shares(figures: Figures, kind: str, pools: list[Fields]) -> int | None:
    told = [finite_number(pool.get(f"{kind}_shares")) for pool in pools]
    known = [number for number in told if number is not None]
    return figures.counter(kind, sum(known)) if known and len(known) == len(told) else None


def _mode(data: Fields, hashrate_ghs: float | None) -> str | None:
    if state := clean_text(data.get("operating_state"), 40):
        return state
    if data.get("is_mining") is False:
        return "stopped"
    return "mining" if hashrate_ghs else None


def _seconds(uptime: Any) -> Any:
    return uptime.total_seconds() if isinstance(uptime, timedelta) else uptime


drivers.register(FarmDriver.name, FarmDriver())
