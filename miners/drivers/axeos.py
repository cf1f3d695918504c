"""AxeOS over HTTP: the Bitaxe family and the NerdQAxe family, whose firmware is a fork of it."""

import re
from typing import Any

from hmm.lib.sockets import Deadline
from miners.drivers.base import Address, DriverError, Misread, PlainDriver, Reading, drivers
from miners.drivers.figures import Figures, clean_text, finite_number, mac_address, says_yes, with_figures
from miners.drivers.http_json import HTTP_PORT, get_json, part, rows
from miners.drivers.stratum_url import stratum_url

Fields = dict[str, Any]

# The board number's first digits tell the family, which AxeOS itself tells only in /api/system/asic, and with it
# the watts beyond which its meter is not read but open: the full scale of one is 655.35 W.
FAMILIES = (
    (r"2\.\d|10\d", "Max", 150),
    (r"0\.\d+|20\d", "Ultra", 150),
    (r"30\d", "Hex", 500),
    (r"40\d", "Supra", 150),
    (r"60\d", "Gamma", 150),
    (r"65\d", "Gamma Duo", 300),
    (r"70\d", "Supra Hex", 500),
    (r"80\d", "Gamma Turbo", 300),
)
# What each tells, and how long a device must be up before that means anything.
HASHRATES = {
    "hashRate": ("", 0),
    "hashRate_1m": ("a minute", 0),
    "hashRate_10m": ("ten minutes", 0),
    "hashRate_1h": ("an hour", 3600),
    "hashRate_1d": ("a day", 86_400),
}
NO_TEMPERATURE = (-1.0, 127.0, 127.875)  # no sensor, an open circuit, a short one
FANS_RPM = ("fanrpm", "fanSpeedRpm", "fanSpeed")  # since v2.1.9, since v2.1.4, and before
MAX_PERCENT = 100
POOL_PARTS = ("URL", "Port", "User", "TLS", "Protocol")
FAULTS = ("power_fault", "hardware_fault")  # since v2.6 and v2.14, there only while there is one
LEAST_VOLTAGE_MV = -1_000.0  # a meter without a supply is some millivolts off
SENSORS = ("power", "voltage", "current", "temp", "vrTemp", *FANS_RPM)
MAX_HASHRATE_GHS = 200_000.0
MAX_POWER_W = 2_000.0
TIMES_MAX_POWER = 4
"""A board that is driven beyond its design takes more than its own `maxPower`, and never so many times as much."""


class AxeosDriver(PlainDriver):
    """Reads AxeOS from v2.0 to v2.15 and the firmware of NerdQAxe+ and NerdQAxe++."""

    name = "axeos"
    default_port = HTTP_PORT

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        time_limit = Deadline.until(deadline)
        figures = Figures(max_hashrate_ghs=MAX_HASHRATE_GHS, max_power_w=MAX_POWER_W)
        info = get_json(address, "/api/system/info", time_limit, "AxeOS", figures.warnings)
        _refuse_strangers(info)
        model = _model(info) or _model_by_asic(address, time_limit, info)
        return with_figures(_reading(figures, info, model))


def _refuse_strangers(info: Any) -> None:
    if not isinstance(info, dict):
        raise Misread("another device's shape (JSON, but no object)")
    if isinstance(info.get("miner"), dict) or isinstance(info.get("power"), dict):
        raise Misread("another device's shape (NMAxe's nested objects, not AxeOS)")
    if isinstance(info.get("network"), dict):
        raise Misread("another device's shape (NerdQAxe's /api/v2, not AxeOS)")
    if "khash" in info or str(info.get("deviceModel")).lower().startswith("nerdminer"):
        raise Misread("another device's shape (a NerdMiner's, whose hashRate is in kH/s, not AxeOS)")
    if not info.keys() & {"ASICModel", "deviceModel"} or not info.keys() & HASHRATES.keys():
        raise Misread("another device's shape (JSON without AxeOS's ASICModel and hashRate)")


def _reading(figures: Figures, info: Fields, model: str | None) -> Reading:
    pool_url, pool_user = _pool(info)
    _note_faults(figures, info)
    sensors = _sensors(figures, info)
    return Reading(
        driver=AxeosDriver.name,
        model=model,
        firmware=clean_text(info.get("version"), 100),
        hashrate_ghs=_hashrate_ghs(figures, info),
        power_w=_power_w(figures, info, sensors),
        temperature_c=figures.temperature_c(sensors.get("temp"), absent=NO_TEMPERATURE),
        fan_rpm=figures.fan_rpm(_fan_rpm(sensors)),
        accepted=figures.counter("accepted", info.get("sharesAccepted")),
        rejected=figures.counter("rejected", info.get("sharesRejected")),
        uptime_s=figures.uptime_s(info.get("uptimeSeconds")),
        pool_url=pool_url,
        pool_user=pool_user,
        mode=mode(info),
        identity=mac_address(info.get("macAddr")),
        frequency_mhz=figures.frequency_mhz(info.get("frequency")),
        core_voltage_mv=figures.core_voltage_mv(info.get("coreVoltage")),
        warnings=tuple(figures.warnings),
    )


def _hashrate_ghs(figures: Figures, info: Fields) -> float | None:
    key = next((key for key in HASHRATES if info.get(key) is not None), None)
    if key is None:
        return None
    window, least_up_s = HASHRATES[key]
    if (finite_number(info.get("uptimeSeconds")) or 0) < least_up_s:
        figures.warnings.append(f"hashrate left out: {key} means nothing before {window} has passed")
        return None
    if window:
        figures.warnings.append(f"hashrate is the average of {window}: the miner tells no other")
    return figures.hashrate_ghs(info[key])


def _sensors(figures: Figures, info: Fields) -> Fields:
    """Return what the sensors say; nothing when each of several says 0, which is what unread ones say."""
    told = {key: info[key] for key in SENSORS if info.get(key) is not None}
    return {} if figures.are_unread(told.values()) else told


def _fan_rpm(sensors: Fields) -> Any:
    key = next((key for key in FANS_RPM if key in sensors), "")
    # Forks have the percentage under the oldest name, which no fan that turns has as its speed.
    is_percentage = key == "fanSpeed" and (finite_number(sensors[key]) or 0) <= MAX_PERCENT
    return None if is_percentage else sensors.get(key)


def mode(info: Fields) -> str | None:
    """Return "overheat", "shutdown", "paused" or "normal"; None for firmware that tells nothing of it."""
    flags = {"overheat": "overheat_mode", "shutdown": "shutdown", "paused": "miningPaused"}
    if not info.keys() & set(flags.values()):
        return None
    return next((word for word, key in flags.items() if says_yes(info.get(key))), "normal")


def most_w(max_power: Any) -> float | None:
    """Return the watts beyond which the meter of a board is not believed that tells its own greatest power."""
    told_w = finite_number(max_power)
    return min(TIMES_MAX_POWER * told_w, MAX_POWER_W) if told_w and told_w > 0 else None


def _most_w(info: Fields) -> float | None:
    """Return the watts beyond which this board's meter is not believed, None where nothing tells them."""
    if told_w := most_w(info.get("maxPower")):
        return told_w
    board = clean_text(info.get("boardVersion"), 90) or ""
    return next((float(watts) for pattern, _, watts in FAMILIES if re.fullmatch(pattern, board)), None)


def _power_w(figures: Figures, info: Fields, sensors: Fields) -> float | None:
    # A NerdQAxe that leads others over CAN tells the hashrate of all, and here the power of all.
    if (together_w := part(info, "can").get("fleetPower")) is not None:
        return figures.power_w(together_w)
    power_w = figures.power_w(sensors.get("power"), most_w=_most_w(info))
    voltage_mv = figures.number("voltage", sensors.get("voltage"), LEAST_VOLTAGE_MV, float("inf"))
    if power_w == 0 and voltage_mv is not None and voltage_mv <= 0:
        figures.warnings.append("power left out: 0 W at 0 V means that the board's meter is not read")
        return None
    return power_w


def _note_faults(figures: Figures, info: Fields) -> None:
    """Note what the device itself says is wrong with it."""
    for key in FAULTS:
        fault = info.get(key)
        if isinstance(fault, str) and (text := clean_text(fault, 200)):
            figures.warnings.append(f"the miner says {key.replace('_', ' ')}: {text}")


def _pool(info: Fields) -> tuple[str | None, str | None]:
    # AxeOS tells it at the top, later NerdQAxe firmware inside `stratum`; from v2.15 pools are numbered, too.
    flags = (info.get("isUsingFallbackStratum"), part(info, "stratum").get("usingFallback"))
    is_fallback = any(says_yes(flag) for flag in flags)
    key = "fallbackStratum" if is_fallback else "stratum"
    told = {name: info.get(f"{key}{name}") for name in POOL_PARTS}
    if info.get("stratumURLUSED") is not None:  # NMAxe's firmware before its nested answer
        told = {"URL": info["stratumURLUSED"], "User": info.get("stratumUserUSED")}
    if told["URL"] is None:
        told = _numbered_pool(info, is_fallback=is_fallback)
    is_tls = (finite_number(told.get("TLS")) or 0) > 0 or says_yes(told.get("TLS"))
    url = stratum_url(told["URL"], told.get("Port"), is_tls=is_tls, protocol=told.get("Protocol"))
    return url, clean_text(told["User"], 255)


def _numbered_pool(info: Fields, *, is_fallback: bool) -> Fields:
    number = finite_number(info.get("secondaryPoolIndex" if is_fallback else "primaryPoolIndex"))
    pools = rows(info, "pools")
    pool = next(
        (pool for pool in pools if number is not None and finite_number(pool.get("id")) == number), {}
    )
    return {name: pool.get(f"stratum{name}") for name in POOL_PARTS}


def _model(info: Fields) -> str | None:
    # Lucky Miners tell a Bitaxe's board number beside their own name.
    if name := clean_text(info.get("deviceModel"), 100) or clean_text(info.get("minerModel"), 100):
        return name
    board = clean_text(info.get("boardVersion"), 90) or ""
    if re.search("[A-Za-z]{3}", board):
        return board
    return next(
        (f"Bitaxe {family} {board}" for pattern, family, _ in FAMILIES if re.fullmatch(pattern, board)), None
    )


def _model_by_asic(address: Address, time_limit: Deadline, info: Fields) -> str | None:
    """Return the model's name of a board that is not known here; firmware before v2.9 cannot be asked."""
    board, chip = clean_text(info.get("boardVersion"), 20), clean_text(info.get("ASICModel"), 40)
    if board is None:  # only the first Bitaxes tell none
        return f"Bitaxe {chip}" if chip else None
    try:
        asic = get_json(address, "/api/system/asic", time_limit, "AxeOS", [])
    except DriverError:
        asic = None
    family = clean_text(asic.get("deviceModel"), 60) if isinstance(asic, dict) else None
    if family is None:
        return " ".join(filter(None, ("AxeOS", chip, board)))
    return family if "axe" in family.lower() else f"Bitaxe {family} {board}"


drivers.register(AxeosDriver.name, AxeosDriver())
