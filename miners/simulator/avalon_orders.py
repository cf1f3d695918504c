"""What an Avalon can be told: work mode and level, standby, reboot, light, pools."""

import re

from miners.simulator.cgminer import Call, Reply
from miners.simulator.hardware import NANO_3S, Settings
from miners.simulator.machine import Machine, Pool

OPTIONS = ("help", "led", "lcd", "workmode", "worklevel", "reboot", "softon", "softoff", "time")
# Of those that Canaan's published Avalon_Nano3s lists, the ones that are imitated: there is no standby among them.
NANO_3S_OPTIONS = ("help", "ledset", "lcd", "workmode", "worklevel", "reboot")
_CALIBRATES_S = 60.0
_SETTLES_S = 10.0
_LEVELS = range(-4, 5)
_PASSWORD = "admin"
_POOL_URL = re.compile(r"(?:stratum\+tcp://)?([^:/,]+):(\d{1,5})")


class Refusal(Exception):
    """The device's words for an order it does not take."""


class Orders:
    """Obeys `ascset`, `setpool` and `switchpool` for one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._options = NANO_3S_OPTIONS if machine.hardware is NANO_3S else OPTIONS
        self._off_since: float | None = None
        self._busy_until = 0.0

    def off_since(self) -> float | None:
        """When standby was ordered, None while it works."""
        return self._off_since if self._machine.settings.paused else None

    def obey(self, call: Call, t: float) -> Reply | None:
        """Obey `call`, None when there is no such command."""
        if call.command == "ascset":
            return self._ascset(call.parameter, t)
        if call.command == "setpool":
            return self._set_pool(call.parameter)
        if call.command == "switchpool":
            return self._switch_pool(call.parameter)
        return None

    def _ascset(self, parameter: str, t: float) -> Reply:
        device, _, rest = parameter.partition(",")
        option, _, value = rest.partition(",")
        if device != "0":
            return Reply("E", 107, f"Invalid ASC id {device} - range is 0 - 0")
        if not option:
            return Reply("E", 116, "Missing option after ASC number")
        try:
            info = self._set(option.lower(), value, t)
        except Refusal as refusal:
            return Reply("E", 120, f"ASC 0 set failed: {refusal}")
        return Reply("I", 118, f"ASC 0 set info: {info}") if info else Reply("S", 119, "ASC 0 set OK")

    def _set(self, option: str, value: str, t: float) -> str:
        """Obey one option and return what the device says to it ("" is OK). Raises Refusal."""
        if option not in self._options:
            raise Refusal(f"Unknown option: {option}")
        if option == "help":
            return "".join(f"{each}|" for each in self._options)
        if option in ("workmode", "worklevel"):
            return self._work(option, value, t)
        if option in ("softoff", "softon"):
            return self._standby(option, value, t)
        if option == "reboot":
            self._machine.reboot(t)
        return ""

    def _work(self, option: str, value: str, t: float) -> str:
        settings, hardware = self._machine.settings, self._machine.hardware
        mode, level = settings.work_mode, settings.work_level
        if value == "get":
            return f"{option} {mode if option == 'workmode' else level}"
        wanted = _set_value(option, value)
        if option == "workmode":
            mode, level = wanted, 0
        else:
            level = wanted
        if mode not in range(len(hardware.modes)) or level not in _LEVELS:
            raise Refusal(f"{option} unknown argument")
        if settings.paused or self._is_calibrating(t):
            raise Refusal(f"current mode {settings.work_mode} is caling Don't permit switch mode")
        self._change(hardware.with_mode(settings, mode, level), t)
        return ""

    def _is_calibrating(self, t: float) -> bool:
        return t < max(self._busy_until, self._machine.booted_at + _CALIBRATES_S)

    def _change(self, settings: Settings, t: float) -> None:
        if settings != self._machine.settings:
            self._machine.order(t, **vars(settings))
            self._busy_until = t + _SETTLES_S

    def _standby(self, option: str, value: str, t: float) -> str:
        match = re.fullmatch(r"1:(\d{1,12})", value)
        if not match:
            raise Refusal(f"{option} unknown argument")
        at = max(t, float(match[1]))
        if option == "softoff":
            self._off_since = at
        self._machine.order_later(at, paused=option == "softoff")
        return f"success {option}:{match[1]}"

    def _set_pool(self, parameter: str) -> Reply:
        """`admin,PASSWORD,SLOT,URL,WORKER,PASS`: in force after the next boot."""
        words = parameter.split(",")
        if len(words) != 6 or words[0] != _PASSWORD:
            return Reply("E", 132, "Pool set error: parameter error")
        if words[1] != _PASSWORD:
            return Reply("E", 132, "Pool set error: password error")
        url = _POOL_URL.fullmatch(words[3])
        slots = self._machine.pools_after_boot
        if not url or not words[2].isascii() or not words[2].isdigit() or int(words[2]) >= len(slots):
            return Reply("E", 132, "Pool set error: parameter error")
        slots[int(words[2])] = Pool(url[1], int(url[2]), words[4])
        return Reply("S", 133, "Pool set info: success, reboot the machine to make it work")

    def _switch_pool(self, parameter: str) -> Reply:
        pools = self._machine.pools
        if not (parameter.isascii() and parameter.isdigit() and int(parameter) < len(pools)):
            return Reply("E", 26, f"Invalid pool id {parameter} - range is 0 - {len(pools) - 1}")
        index = int(parameter)
        self._machine.active_pool = index
        return Reply(
            "S", 27, f"Switching to pool {index}:'stratum+tcp://{pools[index].url}:{pools[index].port}'"
        )


def _set_value(option: str, value: str) -> int:
    match = re.fullmatch(r"set,(-?\d{1,3})", value)
    if not match:
        raise Refusal(f"{option} unknown argument")
    return int(match[1])
