"""Figures as devices send them: numbers or strings, absent, impossible. Never a wrong number, rather none."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hmm.lib.units import parse_si
from miners.drivers.base import Misread, Reading, one_line

MAX_HASHRATE_GHS = 10_000_000.0  # 10 PH/s, some ten times the largest machine there is
MAX_POWER_W = 50_000.0
MAX_FAN_RPM = 60_000.0
MAX_FREQUENCY_MHZ = 5_000.0
MAX_CORE_VOLTAGE_MV = 5_000.0
MAX_COUNTER = 2.0**53
MAX_UPTIME_S = 1e9  # 31 years: beyond it is a time of day, not a time since
MIN_TEMPERATURE_C = -60.0
MAX_TEMPERATURE_C = 150.0  # silicon is dead long before
_HASHRATE = re.compile(r"\s*([\d.]+)\s*([kKMGTPE]?)\s*(?:[hH](?:/s)?)?\s*")


@dataclass
class Figures:
    """Reads one device's values; `warnings` tells what was left out. A protocol may know narrower limits."""

    warnings: list[str] = field(default_factory=list)
    max_hashrate_ghs: float = MAX_HASHRATE_GHS
    max_power_w: float = MAX_POWER_W

    def hashrate_ghs(self, value: Any, *, per_ghs: float = 1) -> float | None:
        """Return a hashrate in GH/s; `per_ghs` of the device's units are one GH/s."""
        number = self.number("hashrate", value, 0, self.max_hashrate_ghs * per_ghs)
        return None if number is None else number / per_ghs

    def hashrate_text_ghs(self, value: Any) -> float | None:
        """Return in GH/s a hashrate that tells its own unit: "113.13K" (hashes a second), "1.0154MH/s"."""
        match = _HASHRATE.fullmatch(value) if isinstance(value, str) else None
        hashes = _number_or_none("".join(match.groups()) if match else value)
        return self.hashrate_ghs(value if hashes is None else hashes, per_ghs=1e9)

    def power_w(self, value: Any, *, most_w: float | None = None) -> float | None:
        """Return a power in W, at most `most_w` where the model is known to take no more."""
        return self.number("power", value, 0, most_w or self.max_power_w)

    def temperature_c(self, value: Any, *, absent: tuple[float, ...] = ()) -> float | None:
        """Return a temperature in °C; −273, 0 and `absent` are what devices send without a sensor."""
        number = self.number("temperature", value, -300, MAX_TEMPERATURE_C)
        if number is None or (number > MIN_TEMPERATURE_C and number not in (0, *absent)):
            return number
        self.warnings.append(f"temperature left out: {number:g} °C means no sensor")
        return None

    def are_unread(self, sensors: Iterable[Any]) -> bool:
        """Return whether each of several sensors says 0, which is what unread ones say; then that is noted."""
        told = [value for value in sensors if value is not None]
        if len(told) < 4 or any(finite_number(value) != 0 for value in told):
            return False
        self.warnings.append("power, temperature and fan left out: every sensor says 0, so none is read")
        return True

    def fan_rpm(self, value: Any) -> int | None:
        """Return the speed of a fan in revolutions a minute."""
        number = self.number("fan", value, 0, MAX_FAN_RPM)
        return None if number is None else round(number)

    def frequency_mhz(self, value: Any) -> float | None:
        """Return a clock in MHz; 0 is what devices say of none."""
        return self.number("frequency", value, 0, MAX_FREQUENCY_MHZ) or None

    def core_voltage_mv(self, value: Any) -> float | None:
        """Return the voltage of a core in mV; 0 is what devices say of none."""
        return self.number("core voltage", value, 0, MAX_CORE_VOLTAGE_MV) or None

    def counter(self, name: str, value: Any) -> int | None:
        """Return a whole number of shares."""
        number = self.number(name, value, 0, MAX_COUNTER)
        return None if number is None else int(number)

    def uptime_s(self, value: Any) -> int | None:
        """Return the whole seconds since a device started."""
        number = self.number("uptime", value, 0, MAX_UPTIME_S)
        return None if number is None else int(number)

    def number(self, name: str, value: Any, low: float, high: float) -> float | None:
        """Return `value`, a number or a string with one, if it is within `low` and `high`; else None, and why."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        number = finite_number(value)
        if number is None:
            self.warnings.append(f"{name} left out: {_shown(value)} is not a number")
        elif not low <= number <= high:
            self.warnings.append(f"{name} left out: {number:g} is impossible")
            return None
        return number


def clean_text(value: Any, longest: int) -> str | None:
    """Return the text a device sent, printable, at most `longest` characters; None for none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return one_line(str(value), longest).strip() or None


def mac_address(value: Any) -> str | None:
    """Return a MAC address as "C0:FF:EE:00:00:01"; None when it is not one."""
    digits = re.sub(r"[-:. ]", "", value).upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[0-9A-F]{12}", digits) or len(set(digits)) == 1:
        return None
    return ":".join(re.findall("..", digits))


def serial_number(value: Any) -> str | None:
    """Return a serial number such as an Avalon's DNA; None when it is not one."""
    text = clean_text(value, 64) or ""
    return text if re.fullmatch(r"[0-9A-Za-z_-]{8,64}", text) and len(set(text)) > 1 else None


def known_by(told: Mapping[str, Any], mac_key: str, serial: str | None) -> str | None:
    """Return the MAC that is told under `mac_key`, else the serial number of a device that tells none.

    None where what stands there is not a MAC: by its serial number it would be another device.
    """
    if mac := mac_address(told.get(mac_key)):
        return mac
    return serial if _is_blank(told.get(mac_key)) else None


def _is_blank(mac: Any) -> bool:
    return mac is None or (isinstance(mac, str) and len(set(re.sub("[-:. ]", "", mac))) <= 1)


def says_yes(value: Any) -> bool:
    """Return whether a flag is set: devices send true, 1, "1" and "true"."""
    return value is True or str(value).strip().lower() in ("1", "1.0", "true", "yes")


def with_figures(reading: Reading) -> Reading:
    """Return `reading` if it tells at least a hashrate, a power or a temperature; else raise Misread.

    A machine that hashes takes power: 0 W beside a hashrate is a meter that is not read.
    """
    if reading.power_w == 0 and reading.hashrate_ghs:
        warning = "power left out: 0 W while it hashes means that the meter is not read"
        reading = replace(reading, power_w=None, warnings=(*reading.warnings, warning))
    if reading.hashrate_ghs is None and reading.power_w is None and reading.temperature_c is None:
        why = f" ({'; '.join(reading.warnings)})" if reading.warnings else ""
        raise Misread(f"tells no hashrate, power or temperature{why}")
    return reading


def finite_number(value: Any) -> float | None:
    """Return the number that `value` is or spells; None for anything else, NaN and infinity included.

    "1.2K" is none: what a device rounds to be read by people, in whatever unit, is not a figure.
    """
    if isinstance(value, str) and value.strip()[-1:].isalpha():
        return None
    return _number_or_none(value)


def _number_or_none(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = parse_si(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    return repr(str(value)[:20]) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
